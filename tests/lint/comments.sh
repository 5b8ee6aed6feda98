#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No // comments in C, no notes to self anywhere, a licence line at the top of everything of ours.
. "$(dirname "$0")/lib.sh"
{
	sources '*.c' '*.h' | xargs -r perl -ne '
		my $l = $_;
		$l =~ s/"(\\.|[^"\\])*"//g; $l =~ s{/\*.*?(\*/|$)}{}g; $l =~ s{^\s*\*.*}{};
		$l =~ s{^.*\*/}{};
		print "$ARGV:$.: // comment\n" if $l =~ m{//};
		close ARGV if eof;'
	sources '*.c' '*.h' '*.sh' '*.bats' '*.mk' Makefile | grep -v '^tests/lint/' |
		xargs -r grep -nE '\b(TODO|FIXME|XXX)\b' /dev/null | sed 's/$/  <- do it or drop it/'
	sources '*.c' '*.h' '*.sh' '*.bats' | xargs -r -n1 sh -c '
		head -n 3 "$0" | grep -q "SPDX-License-Identifier: Apache-2.0" || echo "$0: no SPDX line"'
} | verdict
