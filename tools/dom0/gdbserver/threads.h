/*
 * threads: the guest's own threads, read out of its memory while it is stopped.
 *
 * The guest runs its threads on one vCPU; all but one of them lie switched out, their registers on
 * their stacks. Where its scheduler keeps them is told on the command line, as the debugger outside
 * knows the image's types; without, there is one thread: the vCPU.
 */
#ifndef GDBSERVER_THREADS_H
#define GDBSERVER_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

#define THREADS_MAX 1024
#define THREADS_IDLE 0x7ffffffeu /* the id that nobody's thread has: the vCPU waits for an event */

struct threads_one {
    uint32_t id; /* not 0 */
    char name[32];
    bool is_current;        /* its registers are the vCPU's */
    uint64_t stack_pointer; /* where a switched-out one keeps its registers */
};

/*
 * LIST,ALL_LINK,ID,NAME,STACK_POINTER,CURRENT,IDLE in hexadecimal: address of the list's head, offsets
 * in struct thread, address of the pointer to the running thread, address of the idle thread. Ends the
 * program on a mistake.
 */
void threads_configure(const char *text);

/* Read them anew; the domain is stopped. Afterwards there is at least one, and exactly one current. */
void threads_refresh(void);

const struct threads_one *threads_all(size_t *n);
const struct threads_one *threads_current(void);
const struct threads_one *threads_find(uint32_t id); /* NULL: no such thread */

/* The registers that a switched-out thread will go on with; false if its stack cannot be read. */
bool threads_get_registers(const struct threads_one *thread, struct target_registers *registers);

#endif
