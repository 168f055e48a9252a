namespace troupe {
// keeps the room's library from being empty while it is furnished
extern const char* const runtime_version;
const char* const runtime_version = "0.1.0";
}  // namespace troupe
