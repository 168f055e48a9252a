#include "cluster/program/command.hpp"

int main(int argc, char** argv) { return troupe::program::run(argc, argv); }
