/* SPDX-License-Identifier: Apache-2.0 */
/* The symbol of an errno ("ESRCH"). glibc can say it, musl cannot, and hosts match on it. */
#pragma once

/* @code: positive errno. Return: the symbol, or NULL for a number that Linux does not use. */
const char *errname(int code);
