/*
 * signal_core: the state of signals, and how one is sent and taken.
 *
 * Owns the dispositions, what is pending for the process, and the nodes that carry siginfo. All of
 * it is protected by the lock "signals", which is taken before "threads". Sending is fine in an
 * event handler; taking and running handlers is for threads.
 *
 * The life of a signal: signal_post() makes it pending, for one thread or for the process; the
 * latter is given to a thread that has it unblocked, and to another one when that thread blocks it
 * or ends. thread_interrupt() ends that thread's wait with -EINTR, if it waits. The thread runs the
 * handler in signal_run(): where it meets the signal in a system call, or, if it runs, from the
 * resume hook at the end of the next upcall (signal_async.c). Default actions, too, are carried out
 * by the taker.
 */
#ifndef LIBC_GLUE_SIGNAL_CORE_H
#define LIBC_GLUE_SIGNAL_CORE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include <platform/spinlock.h>
#include <runtime/list.h>
#include <runtime/sync.h>

#include "threads/posix_thread.h"

/* A set of signals: signal n is bit n - 1. The first word of a sigset_t has that shape. */
typedef uint64_t signal_set_t;

#define SIGNAL_BIT(number) ((signal_set_t)1 << ((number)-1))
#define SIGNAL_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define SIGNAL_FIRST_REALTIME 34

static inline signal_set_t signal_set_of(const sigset_t *from)
{
    signal_set_t set;

    memcpy(&set, from, sizeof(set));
    return set;
}

static inline void signal_set_put(sigset_t *to, signal_set_t set)
{
    memset(to, 0, sizeof(*to));
    memcpy(to, &set, sizeof(set));
}

static inline bool signal_number_ok(int number)
{
    return number > 0 && number < NSIG;
}

/* What travels with a pending signal. */
struct signal_node {
    struct list link; /* in the queue of a thread or of the process, or alone */
    siginfo_t info;
    /* Lock held: it is about to be taken; may complete info. NULL: the node is one of the pool. */
    void (*taken)(struct signal_node *node);
};

struct signals {
    struct spinlock lock;
    signal_set_t pending; /* for the process; also read without the lock, as is the next: */
    signal_set_t given;   /* of these, what some thread is to take; the others anybody may */
    struct list queue;    /* struct signal_node */
    struct wait_queue waiting;
    struct sigaction action[NSIG];
};
extern struct signals signals;

/*
 * Send info->si_signo to a thread, or to the process when `to` is NULL. node, if given, carries the
 * info and must not be queued already; else one of the pool does. Returns 0, or -EAGAIN when the
 * pool is empty and the signal is of sigqueue(). Does not run handlers.
 */
int signal_post(struct posix_thread *to, const siginfo_t *info, struct signal_node *node);
/* The same with the lock held. */
int signal_post_locked(struct posix_thread *to, const siginfo_t *info, struct signal_node *node);

/*
 * Lock held: take one pending signal of set, the thread's own before the process's, the lowest
 * number first. Returns its number, or 0.
 */
int signal_take(struct posix_thread *self, signal_set_t set, siginfo_t *info);

/* Forget a node that may be queued for the process: its owner is about to free it. */
void signal_forget(struct signal_node *node);

/* Set or read a disposition; action and old may be NULL. Returns 0 or -EINVAL. */
int signal_set_action(int number, const struct sigaction *action, struct sigaction *old);

/* The calling thread, or NULL for those of the runtime, which take no signals. */
struct posix_thread *signal_self(void);

/* Signals that the thread may take now. */
static inline signal_set_t signal_due(const struct posix_thread *self)
{
    signal_set_t shared = __atomic_load_n(&signals.pending, __ATOMIC_SEQ_CST) &
                          (self->given | ~__atomic_load_n(&signals.given, __ATOMIC_SEQ_CST));

    return (__atomic_load_n(&self->pending, __ATOMIC_SEQ_CST) | shared) & ~self->blocked;
}

/* Is the calling thread inside, so that no handler may cut in? */
static inline bool signal_held(const struct posix_thread *self)
{
    return self->held != 0 || thread_self()->mutexes != 0;
}

/* Change the calling thread's mask, and no more: what it was given and has blocked, others get. */
void signal_block(struct posix_thread *self, signal_set_t blocked);

/* Lock held: the thread takes no more of those that it was given and has blocked. */
void signal_give_back(struct posix_thread *self);

/* Is nothing to be done about it, as things stand? Lock held, or a moment's answer. */
bool signal_ignored(int number);

/* ---- signal_deliver.c ---- */

struct signal_outcome {
    unsigned handlers; /* how many ran */
    bool restart;      /* all of them have SA_RESTART */
};

/*
 * Take all signals that are due and do what their dispositions say. context: the state that a
 * handler interrupts (its changes count when the handler returns), or NULL for the caller's own.
 */

struct signal_outcome signal_run(struct posix_thread *self, ucontext_t *context);

/* Run the handler for one signal that the caller has taken. False when it has none: not done. */
bool signal_run_taken(struct posix_thread *self, const siginfo_t *info, ucontext_t *context);

/* The calling thread's: run what is due, if this is a place for it. */
void signal_run_due(void);

/* Change the calling thread's mask, and run what that makes due. */
void signal_set_mask(struct posix_thread *self, signal_set_t blocked);

/* ---- signal_async.c (for resume.h), signal_fault.c ---- */

struct trap_frame;
/* For traps_set_handler(). */
bool signal_on_trap(struct trap_frame *frame, uint64_t fault_address);
/*
 * Run signals (or, if forced is given, that one) in a thread that was interrupted at frame, with
 * its FPU state put aside. False when forced has no handler.
 */
bool signal_run_on_frame(struct posix_thread *self, struct trap_frame *frame,
                         const siginfo_t *forced);

#endif
