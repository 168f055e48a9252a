// What a person types for a Redis store, and what is said of what is none.
#include "actors/lock/redis_link.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;

TEST_CASE("redis address: host, port, database, password and replicas") {
  const auto plain = redis_address_of("redis://cache");
  REQUIRE(plain);
  CHECK(plain->host == "cache");
  CHECK(plain->port == 6379);
  CHECK(plain->password.empty());
  CHECK(plain->replicas == 0);
  const auto whole = redis_address_of("redis://me:se%40cret:%2f@10.0.0.7:7000/3?replicas=2");
  REQUIRE(whole);
  CHECK(whole->host == "10.0.0.7");
  CHECK(whole->port == 7000);
  CHECK(whole->user == "me");
  CHECK(whole->password == "se@cret:/");
  CHECK(whole->database == 3);
  CHECK(whole->replicas == 2);
  const auto six = redis_address_of("redis://:p@[::1]:7000");
  REQUIRE(six);
  CHECK(six->host == "::1");
  CHECK(six->port == 7000);
  CHECK(six->user.empty());
  CHECK(redis_address_of("redis://[::1]")->port == 6379);
  CHECK(redis_address_of("redis://h:1/")->database == 0);
  CHECK(redis_address_of("redis://:100%@h")->password == "100%");  // no code: as it stands
}

TEST_CASE("redis address: what is none is told by what is wrong, and no password is shown") {
  const auto why = [](const std::string& text) {
    const auto got = redis_address_of(text);
    return got ? std::string{"accepted"}
               : got.error().substr(0, got.error().find(": a Redis store"));
  };
  CHECK(why("http://h") == "this is no Redis store");
  CHECK(why("redis://") == "the host is missing");
  CHECK(why("redis://:7000") == "the host is missing");
  CHECK(why("redis://h:x") == "a port is a number up to 65535");
  CHECK(why("redis://h:65536") == "a port is a number up to 65535");
  CHECK(why("redis://h:") == "a port is a number up to 65535");
  CHECK(why("redis://h:0") == "port 0 is nobody's");
  CHECK(why("redis://h/x") == "a database is a number");
  CHECK(why("redis://h/-1") == "a database is a number");
  CHECK(why("redis://h?replicas=") == "behind ? stands replicas=N and nothing else");
  CHECK(why("redis://h?ssl=1") == "behind ? stands replicas=N and nothing else");
  CHECK(why("redis://secret@h") == "before @ stands a password behind a colon");
  CHECK(why("redis://:@h") == "before @ stands a password behind a colon");
  CHECK(why("redis://[::1") == "a bracket is open");
  CHECK(why("redis://[::1]7") == "a port is a number up to 65535");
}
