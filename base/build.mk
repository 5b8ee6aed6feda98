LIBS += base
base_SRC := base/err.c base/errname.c base/fd.c base/path.c base/path_tree.c base/str.c base/parse.c base/table.c base/arena.c \
	base/map.c base/log.c base/loop.c base/loop_timer.c base/loop_child.c base/loop_signal.c \
	base/pidref.c base/timeline.c
# Not used by the static programs; musl 1.2.3 has no statx(2).
base_MUSL_SKIP := base/path_tree.c
