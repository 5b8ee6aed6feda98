# Unit test programs whose allocations are made to fail one by one (tests/torture.h).
TORTURE += test_str test_map test_arena test_loop test_path
TORTURE += test_cgroup_host test_seccomp_default test_devices
TORTURE += test_plan
