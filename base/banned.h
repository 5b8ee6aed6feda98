/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forced into every file of ours (-include). Functions that cannot be used safely, or that may talk
 * to a name service and so block or deadlock a daemon, become compile errors. The libc headers come
 * first, because their own declarations would trip over a poisoned name.
 */
#pragma once

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef alloca

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll alloca
#pragma GCC poison system popen mktemp tmpnam vfork getpwnam getpwuid getgrnam getaddrinfo
