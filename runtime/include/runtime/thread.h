/*
 * thread: preemptive threads on the vCPU.
 *
 * Owns struct thread, the run queue and every switch. State per vCPU is reached through vcpu_id();
 * the run queue and all thread states are protected by the lock "threads". A thread that waits costs
 * nothing; with no runnable thread the vCPU blocks until the next event or deadline.
 */
#ifndef RUNTIME_THREAD_H
#define RUNTIME_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runtime/list.h>
#include <runtime/timer.h>

#define THREAD_NAME_SIZE 16
#define THREAD_STACK_DEFAULT (128ul * 1024)
#define THREAD_STACK_MIN (8ul * 1024)
#define THREAD_MAIN 1u

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_DEAD };

struct thread {
    /* Fixed at creation. */
    unsigned id;              /* THREAD_MAIN, or a number above it, never used twice */
    uintptr_t stack_base;     /* lowest usable address */
    size_t stack_size;        /* bytes */
    bool stack_is_ours;       /* else the creator's */
    void (*entry)(void *arg);
    void *arg;
    void *thread_pointer;     /* FS base: the TCB */
    void *fpu;                /* vcpu_fpu_size() bytes, 64-aligned */

    /* Protected by the lock "threads". */
    enum thread_state state;
    struct list run_link;     /* run queue */
    struct list all_link;     /* every thread */
    struct list wait_link;    /* wait queue it sits in */
    struct timer timer;       /* armed while a wait has a deadline */
    const void *wait_key;     /* the futex word it waits on, else NULL */
    int wait_result;          /* 0 woken, -ETIMEDOUT, -EINTR */
    const char *wait_reason;  /* for reports: "mutex", "join", ... */
    bool interruptible;       /* thread_interrupt() ends this wait */
    bool interrupted;         /* thread_interrupt() came while it did not wait */
    void *stack_pointer;      /* while not running */
    bool on_stack;            /* some vCPU still executes on its stack */
    uint64_t cpu_ns;          /* time on the vCPU until the last switch */

    char name[THREAD_NAME_SIZE];
    unsigned mutexes;         /* of runtime/sync.h that it holds; its own to write */
    void *posix;              /* libc-glue's state of this thread (struct posix_thread) */
};

struct thread *thread_self(void);

struct thread_attr {
    const char *name;      /* copied; NULL: "thread-ID" */
    size_t stack_size;     /* bytes, 0: default */
    void *stack;           /* caller's own stack, or NULL */
    size_t guard_size;     /* at least one page is always there below our own stacks */
    void *posix;           /* goes into thread->posix before the thread first runs */
    unsigned id;           /* 0: the next; main's is THREAD_MAIN */
};

/*
 * Start a thread. Returns 0 with *out set (valid until thread_reap), or -ENOMEM. May wait for a moment
 * for the address space; not for event handlers.
 */
int thread_create(const struct thread_attr *attr, void (*entry)(void *), void *arg, struct thread **out);

/* The same in two steps: what needs memory, and the start, which any context may do. */
int thread_prepare(const struct thread_attr *attr, void (*entry)(void *), void *arg,
                   struct thread **out);
void thread_go(struct thread *thread);

/*
 * End the calling thread. It stays in state THREAD_DEAD until thread_reap() by another thread;
 * on_exit, if set, runs just before the switch away, upcalls masked, on the dying stack.
 */
void thread_exit(void (*on_exit)(struct thread *)) __attribute__((noreturn));
/* Free a dead thread's memory. Waits (yielding) until it has left its stack. */
void thread_reap(struct thread *thread);

/*
 * hook runs on the thread's own stack, upcalls masked, whenever an upcall is about to go back to the
 * running thread; it may change the frame so that the thread goes on elsewhere. For signals.
 */
struct trap_frame;
void thread_set_resume_hook(void (*hook)(struct trap_frame *frame));

/* Let the next ready thread run. */
void thread_yield(void);
/* Sleep until deadline_ns of the monotonic clock. 0, or -EINTR after thread_interrupt(). */
int thread_sleep_until(uint64_t deadline_ns);
/*
 * End an interruptible wait of the thread with -EINTR: the one it is in, or else its next one, unless
 * thread_take_interrupt() comes first. Fine in an event handler.
 */
void thread_interrupt(struct thread *thread);

/* True, and forgotten, when thread_interrupt() came for the calling thread outside a wait. */
bool thread_take_interrupt(void);

/* Visit every living thread, upcalls masked; for reports and debuggers. */
void thread_for_each(void (*visit)(struct thread *, void *), void *arg);
size_t thread_count(void);
/* Nanoseconds that a thread, or all of them, boot included, have had the CPU. Also for a visit above. */
uint64_t thread_cpu_ns(const struct thread *thread);
uint64_t thread_all_cpu_ns(void);
/* Ready threads besides the running one. */
size_t thread_ready_count(void);

void thread_start(void);

#endif
