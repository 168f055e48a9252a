// The version of this build.
#pragma once
namespace troupe {
extern const char* const version;
}
