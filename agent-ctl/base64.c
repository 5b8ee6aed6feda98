/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 both ways. Decoding is strict: no white space, padding where it belongs. */
#include "agent-ctl/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *actl_base64_encode(const void *p, size_t n)
{
	const uint8_t *in = p;
	char *text, *out;

	if (n > SIZE_MAX / 2)
		return NULL;
	out = text = malloc((n + 2) / 3 * 4 + 1);
	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		v |= i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? in[i + 2] : 0;
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? alphabet[v & 63] : '=';
	}
	*out = '\0';
	return text;
}

int actl_base64_decode(const char *text, uint8_t **ret, size_t *ret_n)
{
	size_t n = strlen(text), pad = 0, used = 0;
	cleanup_free uint8_t *out = NULL;

	if (n % 4 != 0)
		return -EINVAL;
	while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
		pad++;
	out = malloc(n / 4 * 3 + 1);
	if (out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			const char *at = i + k < n - pad ? strchr(alphabet, text[i + k]) : alphabet;

			if (at == NULL)
				return -EINVAL;
			v = v << 6 | (uint32_t)(at - alphabet);
		}
		out[used++] = (uint8_t)(v >> 16);
		out[used++] = (uint8_t)(v >> 8);
		out[used++] = (uint8_t)v;
	}
	*ret_n = used - pad;
	*ret = TAKE_PTR(out);
	return 0;
}
