/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with the standard alphabet and padding: RFC 4648, section 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Owns: the caller frees the text. Return: NULL when memory ran out. */
char *actl_base64_encode(const void *p, size_t n) must_check;
/* Owns: the caller frees *ret. Return: 0, -EINVAL, -ENOMEM. */
int actl_base64_decode(const char *text, uint8_t **ret, size_t *ret_n) must_check;
