extern "C" int troupe_test_library_without_a_job() { return 0; }
