/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two files of the conversion. */
#pragma once

#include "base/cleanup.h"

struct arena;
struct err;

int spec_no_room(struct err *e) must_check;
/* Empty text is an absent field. Return: 0 or -ENOMEM. */
int spec_text(struct arena *a, const char *s, const char **ret) must_check;
