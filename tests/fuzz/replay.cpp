// Runs a libFuzzer entry point over files, for builds without libFuzzer: each argument is a file or a directory of files.
// A megabyte of seeded random bytes follows, in pieces, so that an empty corpus still tests something.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {
void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}
}  // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::size_t inputs = 0;
  const auto replay = [&](const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    run({std::istreambuf_iterator<char>{in}, {}});
    ++inputs;
  };
  for (int i = 1; i < argc; ++i) {
    if (fs::is_directory(argv[i])) {
      for (const auto& entry : fs::directory_iterator(argv[i])) replay(entry.path());
    } else if (fs::exists(argv[i])) {
      replay(argv[i]);
    }
  }
  std::mt19937_64 chance{1};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(chance() % 1024, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(chance());
    run(bytes);
    ++inputs;
  }
  std::printf("%zu inputs\n", inputs);
}
