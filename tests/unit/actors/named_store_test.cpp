// What a person types for --store: what is wrong is told before anything is opened, and without what may be a password.
#include "actors/lock/named_store.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;

TEST_CASE("named stores: names that are some") {
  for (const auto* name :
       {"sqlite:locks.db", "sqlite:/var/lib/a b/locks.db", "redis://cache", "redis://:pw@h:1/2",
        "postgres://db", "postgresql:///app", "postgresql://me:se%20cret@h:5432/app",
        "postgresql://a:1,b:2/app", "postgresql://a,b:2/app", "postgresql://[::1]:5432/app",
        "postgresql://h/app?connect_timeout=3"}) {
    CAPTURE(name);
    CHECK(mistake_in(name).value_or("") == "");
  }
}

TEST_CASE("named stores: names that are none, and what is said of them") {
  struct row {
    const char* name;
    const char* says;
  };
  for (const auto& [name, says] : {
           row{"", "is no store of locks"},
           row{"mongodb://h", "'mongodb' is no store of locks: it is one of sqlite:PATH"},
           row{"sqlite", "is no store of locks"},
           row{"sqlite:", "'sqlite' is no store of locks"},
           row{"redis://", "is no store of locks"},
           row{"redis://:se%cret@h:70000", "a port is a number up to 65535"},
           row{"redis://h?replica=1", "behind ? stands replicas=N"},
           row{"postgresql://", "is no store of locks"},
           row{"postgresql://me:s%secret@h/app", "no address of a PostgreSQL server"},
           row{"postgresql://me:secret@[::1/app", "no address of a PostgreSQL server"},
           row{"postgresql://me:secret@h/app?sslmod=require", "no address of a PostgreSQL server"},
           row{"postgresql://me:secret@h:70000/app", "a number from 1 to 65535"},
           row{"postgresql://me:secret@h:0/app", "a number from 1 to 65535"},
           row{"postgresql://me:secret@h:54x/app", "a number from 1 to 65535"},
           row{"postgresql://me:secret@a:1,b:x/app", "a number from 1 to 65535"},
       }) {
    const auto& shown = name;  // no binding, for clang 14
    CAPTURE(shown);
    const auto why = mistake_in(name);
    REQUIRE(why);
    CHECK(why->find(says) != std::string::npos);
    CHECK(why->find("cret") == std::string::npos);
  }
}
