/*
 * pipe: bytes from writers to readers, up to 64 KiB under way.
 *
 * Owns struct pipe; its ends are files, any number of each, which named pipes need. Memory is taken
 * page by page as bytes come, and all but one page given back when the pipe is empty.
 *
 * Protected by the pipe's mutex "pipe": everything; used, readers and writers are also read without
 * it, each in one piece, for poll().
 */
#ifndef LIBC_GLUE_PIPE_H
#define LIBC_GLUE_PIPE_H

#include "file.h"

struct pipe;

/* A pipe without ends. It lives until its last end is closed. */
int pipe_new(struct pipe **out);

/* One more end: flags' O_ACCMODE tells which (O_RDWR: both). The file has one reference. */
int pipe_open_end(struct pipe *pipe, int flags, struct file **out);

/* Free a pipe that never had an end. */
void pipe_free(struct pipe *pipe);

/* Both ends of a new pipe; flags may have O_NONBLOCK. */
int pipe_make(int flags, struct file *ends[2]);

/* How many ends of a kind there were and are, for open() of named pipes. */
struct pipe_counts {
    unsigned readers, writers;             /* now */
    unsigned readers_so_far, writers_so_far;
};
struct pipe_counts pipe_count(struct pipe *pipe);
/* The pipe belongs to something: its ends are closed with mutex held, and gone told of the last. */
void pipe_set_owner(struct pipe *pipe, struct mutex *mutex, void (*gone)(void *arg), void *arg);

#endif
