#include <runtime/thread.h>

#include <errno.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/memory.h>
#include <platform/runtime.h>
#include <platform/spinlock.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/panic.h>
#include <runtime/vmem.h>

#include "thread_priv.h"
#include "tls.h"

#define THREAD_SLICE_NS 2000000u /* how long a thread runs while others are ready */
#define THREAD_FPU_ALIGN 64u

struct spinlock threads_lock = SPINLOCK_INIT("threads");

/* One scheduler for all vCPUs; `current` and `idle` are per vCPU. Protected by threads_lock. */
static struct {
    struct list ready; /* first to run next */
    size_t n_ready;
    struct list all;
    size_t count;
    unsigned others; /* threads ever made besides main */
    bool deadlock_reported;
    void (*resume_hook)(struct trap_frame *frame);
    struct {
        struct thread *current;
        struct thread *previous; /* whose stack this vCPU has just left */
        struct thread idle;      /* boot's own thread of execution */
        bool want_switch;        /* the running thread's slice is over */
        bool slice_armed;
        uint64_t since_ns; /* when current began to run */
    } vcpu[VCPU_MAX];
} threads = { .ready = LIST_INIT(threads.ready), .all = LIST_INIT(threads.all) };

#define THREADS_HERE (threads.vcpu[vcpu_id()])

/* switch.S, and what thread_first calls. */
void thread_switch_stacks(void **save, void *load);
void thread_first(void);
void thread_begin(struct thread *self) __attribute__((noreturn));

struct thread *thread_self(void)
{
    return THREADS_HERE.current;
}

static bool thread_is_idle(const struct thread *thread)
{
    return thread == &THREADS_HERE.idle;
}

static void thread_make_ready(struct thread *thread)
{
    thread->state = THREAD_READY;
    list_append(&threads.ready, &thread->run_link);
    threads.n_ready++;
    if (thread_is_idle(THREADS_HERE.current)) {
        THREADS_HERE.want_switch = true;
    } else if (!THREADS_HERE.slice_armed) {
        THREADS_HERE.slice_armed = true;
        timer_set_slice(clock_monotonic_ns() + THREAD_SLICE_NS);
    }
}

/* In the timer's event handler. */
static void thread_on_slice(void)
{
    bool was_masked = spin_lock(&threads_lock);

    THREADS_HERE.slice_armed = false;
    THREADS_HERE.want_switch = threads.n_ready != 0;
    spin_unlock(&threads_lock, was_masked);
}

/* What the thread that has just begun to run owes the one before it. */
static void thread_after_switch(void)
{
    THREADS_HERE.previous->on_stack = false;
}

/*
 * Run the next ready thread, or idle. Called with threads_lock held by the thread that leaves, whose
 * state says why; the lock passes to the thread that comes, and back to the caller when it runs again.
 */
static void thread_switch(void)
{
    struct thread *from = THREADS_HERE.current;
    struct thread *to = &THREADS_HERE.idle;

    THREADS_HERE.want_switch = false;
    if (!list_empty(&threads.ready)) {
        to = list_entry(threads.ready.next, struct thread, run_link);
        list_remove(&to->run_link);
        threads.n_ready--;
    }
    to->state = THREAD_RUNNING;
    if (to == from)
        return;
    uint64_t now_ns = clock_monotonic_ns();
    from->cpu_ns += now_ns - THREADS_HERE.since_ns;
    THREADS_HERE.since_ns = now_ns;
    if (threads.n_ready != 0) {
        THREADS_HERE.slice_armed = true;
        timer_set_slice(now_ns + THREAD_SLICE_NS);
    } else if (THREADS_HERE.slice_armed) {
        THREADS_HERE.slice_armed = false;
        timer_set_slice(CLOCK_NEVER);
    }
    THREADS_HERE.current = to;
    THREADS_HERE.previous = from;
    to->on_stack = true;
    if (to->thread_pointer != NULL)
        vcpu_set_thread_pointer(to->thread_pointer);
    thread_switch_stacks(&from->stack_pointer, to->stack_pointer);
    thread_after_switch();
}

/* What the running thread has used since it began to run. Upcalls are masked: it stays the running one. */
static uint64_t thread_running_ns(const struct thread *thread)
{
    return thread == THREADS_HERE.current ? clock_monotonic_ns() - THREADS_HERE.since_ns : 0;
}

uint64_t thread_cpu_ns(const struct thread *thread)
{
    bool was_masked = vcpu_mask_upcalls();
    uint64_t ns = thread->cpu_ns + thread_running_ns(thread);

    vcpu_restore_upcalls(was_masked);
    return ns;
}

uint64_t thread_all_cpu_ns(void)
{
    return clock_monotonic_ns() - clock_boot_ns() - thread_cpu_ns(&THREADS_HERE.idle);
}

bool runtime_want_switch(void)
{
    return THREADS_HERE.want_switch;
}

/* On the interrupted thread's stack, upcalls masked, after event handlers. */
void runtime_preempt(void)
{
    bool was_masked = spin_lock(&threads_lock);
    struct thread *self = THREADS_HERE.current;

    if (threads.n_ready == 0) {
        THREADS_HERE.want_switch = false;
    } else if (thread_is_idle(self)) {
        self->state = THREAD_READY; /* never on the run queue: it runs when nobody else can */
        thread_switch();
    } else {
        self->state = THREAD_READY;
        list_append(&threads.ready, &self->run_link);
        threads.n_ready++;
        vcpu_fpu_save(self->fpu);
        thread_switch();
        vcpu_fpu_restore(self->fpu);
    }
    spin_unlock(&threads_lock, was_masked);
}

void thread_set_resume_hook(void (*hook)(struct trap_frame *frame))
{
    threads.resume_hook = hook;
}

void runtime_resume(struct trap_frame *frame)
{
    if (threads.resume_hook != NULL && !thread_is_idle(THREADS_HERE.current))
        threads.resume_hook(frame);
}

void thread_yield(void)
{
    bool was_masked = spin_lock(&threads_lock);
    struct thread *self = THREADS_HERE.current;

    if (threads.n_ready != 0) {
        self->state = THREAD_READY;
        list_append(&threads.ready, &self->run_link);
        threads.n_ready++;
        thread_switch();
    }
    spin_unlock(&threads_lock, was_masked);
}

void thread_wake(struct thread *thread, int result)
{
    list_remove(&thread->wait_link);
    timer_disarm(&thread->timer);
    thread->wait_result = result;
    thread->wait_key = NULL;
    threads.deadlock_reported = false;
    thread_make_ready(thread);
}

static void thread_on_timeout(struct timer *timer)
{
    struct thread *thread = timer->arg;
    bool was_masked = spin_lock(&threads_lock);

    if (thread->state == THREAD_WAITING)
        thread_wake(thread, -ETIMEDOUT);
    spin_unlock(&threads_lock, was_masked);
}

int thread_wait(struct list *queue, const void *key, uint64_t deadline_ns, bool interruptible,
                const char *reason)
{
    struct thread *self = THREADS_HERE.current;

    if (interruptible && self->interrupted) {
        self->interrupted = false;
        return -EINTR;
    }
    if (thread_is_idle(self))
        panic("a wait for \"%s\" before threads run", reason);
    self->state = THREAD_WAITING;
    self->wait_key = key;
    self->wait_reason = reason;
    self->interruptible = interruptible;
    list_append(queue, &self->wait_link);
    if (deadline_ns != CLOCK_NEVER)
        timer_arm(&self->timer, deadline_ns);
    thread_switch();
    self->wait_reason = NULL;
    return self->wait_result;
}

int thread_sleep_until(uint64_t deadline_ns)
{
    struct list nobody = LIST_INIT(nobody);
    bool was_masked = spin_lock(&threads_lock);
    int result = thread_wait(&nobody, NULL, deadline_ns, true, "sleep");

    spin_unlock(&threads_lock, was_masked);
    return result == -ETIMEDOUT ? 0 : result;
}

void thread_interrupt(struct thread *thread)
{
    bool was_masked = spin_lock(&threads_lock);

    if (thread->state == THREAD_WAITING && thread->interruptible)
        thread_wake(thread, -EINTR);
    else if (thread->state != THREAD_DEAD)
        thread->interrupted = true;
    spin_unlock(&threads_lock, was_masked);
}

bool thread_take_interrupt(void)
{
    bool was_masked = spin_lock(&threads_lock);
    bool interrupted = THREADS_HERE.current->interrupted;

    THREADS_HERE.current->interrupted = false;
    spin_unlock(&threads_lock, was_masked);
    return interrupted;
}

/* From thread_first in switch.S, holding threads_lock, upcalls masked. */
void thread_begin(struct thread *self)
{
    thread_after_switch();
    vcpu_fpu_restore(self->fpu);
    spin_unlock(&threads_lock, false);
    self->entry(self->arg);
    thread_exit(NULL);
}

static void thread_set_name(struct thread *thread, const char *name)
{
    if (name == NULL) {
        log_format(thread->name, sizeof(thread->name), "thread-%u", thread->id);
        return;
    }
    size_t len = strlen(name);
    if (len >= sizeof(thread->name))
        len = sizeof(thread->name) - 1;
    memcpy(thread->name, name, len);
    thread->name[len] = '\0';
}

/* The registers that thread_switch_stacks takes from a stack, lowest address first. */
struct thread_first_frame {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    uint64_t r15, r14, r13, r12;
    struct thread *rbx;
    uint64_t rbp;
    void (*return_to)(void);
};

/* From the top of the stack down: TLS and control block, then the first frame. */
static void thread_prepare_stack(struct thread *thread)
{
    uintptr_t end = (thread->stack_base + thread->stack_size) & ~(uintptr_t)63;
    uintptr_t top = (end - tls_size()) & ~(uintptr_t)15;
    struct thread_first_frame *frame = (void *)(top - 16 - sizeof(*frame));

    thread->thread_pointer = tls_create(end);
    *frame = (struct thread_first_frame){
        .mxcsr = 0x1f80,
        .x87_control = 0x037f,
        .rbx = thread,
        .return_to = thread_first,
    };
    thread->stack_pointer = frame;
}

int thread_prepare(const struct thread_attr *attr, void (*entry)(void *), void *arg,
                   struct thread **out)
{
    size_t size = attr->stack_size != 0 ? attr->stack_size : THREAD_STACK_DEFAULT;
    struct thread *thread = pages_get_zeroed(); /* the FPU's area follows in the same page */

    if (thread == NULL)
        return -ENOMEM;
    thread->stack_is_ours = attr->stack == NULL;
    if (thread->stack_is_ours) {
        size_t n = (size + tls_size() + PAGE_SIZE - 1) / PAGE_SIZE;
        thread->stack_size = n * PAGE_SIZE;
        thread->stack_base = vmem_stack_create(n);
        if (thread->stack_base == 0) {
            pages_put(thread);
            return -ENOMEM;
        }
    } else {
        thread->stack_base = (uintptr_t)attr->stack;
        thread->stack_size = size;
    }
    thread->fpu = (void *)(((uintptr_t)(thread + 1) + THREAD_FPU_ALIGN - 1) &
                           ~(uintptr_t)(THREAD_FPU_ALIGN - 1));
    vcpu_fpu_init(thread->fpu);
    thread->entry = entry;
    thread->arg = arg;
    thread->posix = attr->posix;
    list_init(&thread->run_link);
    list_init(&thread->wait_link);
    list_init(&thread->all_link);
    timer_init(&thread->timer, thread_on_timeout, thread);
    thread_prepare_stack(thread);
    thread->id = attr->id;
    if (thread->id == 0)
        thread->id = THREAD_MAIN + __atomic_add_fetch(&threads.others, 1, __ATOMIC_RELAXED);
    thread_set_name(thread, attr->name);
    *out = thread;
    return 0;
}

void thread_go(struct thread *thread)
{
    bool was_masked = spin_lock(&threads_lock);

    list_append(&threads.all, &thread->all_link);
    threads.count++;
    thread_make_ready(thread);
    spin_unlock(&threads_lock, was_masked);
}

int thread_create(const struct thread_attr *attr, void (*entry)(void *), void *arg,
                  struct thread **out)
{
    int error = thread_prepare(attr, entry, arg, out);

    if (error == 0)
        thread_go(*out);
    return error;
}

void thread_exit(void (*on_exit)(struct thread *))
{
    struct thread *self = thread_self();

    vcpu_mask_upcalls();
    if (on_exit != NULL)
        on_exit(self);
    spin_lock(&threads_lock);
    self->state = THREAD_DEAD;
    list_remove(&self->all_link);
    threads.count--;
    thread_switch();
    panic("a dead thread runs: %s", self->name);
}

void thread_reap(struct thread *thread)
{
    while (__atomic_load_n(&thread->on_stack, __ATOMIC_ACQUIRE) || thread->state != THREAD_DEAD)
        thread_yield();
    if (thread->stack_is_ours)
        vmem_stack_destroy(thread->stack_base, thread->stack_size / PAGE_SIZE);
    pages_put(thread);
}

void thread_for_each(void (*visit)(struct thread *, void *), void *arg)
{
    bool was_masked = spin_lock(&threads_lock);

    list_for_each(link, &threads.all) visit(list_entry(link, struct thread, all_link), arg);
    spin_unlock(&threads_lock, was_masked);
}

size_t thread_count(void)
{
    return threads.count;
}

size_t thread_ready_count(void)
{
    return threads.n_ready;
}

/*
 * Nobody is ready and no deadline is set: if every thread waits for another one (a futex that
 * nothing outside can wake), the program has locked itself up. Say so once; the domain stays, for
 * a debugger or xl shutdown.
 */
static void thread_check_deadlock(void)
{
    if (threads.count == 0 || threads.deadlock_reported || timer_next_deadline() != CLOCK_NEVER)
        return;
    list_for_each(link, &threads.all)
    {
        struct thread *thread = list_entry(link, struct thread, all_link);
        if (thread->wait_key == NULL || thread->interruptible)
            return;
    }
    threads.deadlock_reported = true;
    log_line(LOG_ERROR, "threads: deadlock: every thread waits for another:");
    list_for_each(link, &threads.all)
    {
        struct thread *thread = list_entry(link, struct thread, all_link);
        log_line(LOG_ERROR, "threads:   %u '%s' waits for %s at %p", thread->id, thread->name,
                 thread->wait_reason, thread->wait_key);
    }
}

void thread_idle(void)
{
    for (;;) {
        bool was_masked = spin_lock(&threads_lock);

        while (threads.n_ready != 0) {
            THREADS_HERE.current->state = THREAD_READY;
            thread_switch();
        }
        thread_check_deadlock();
        __atomic_store_n(&threads_lock.held, false, __ATOMIC_RELEASE);
        vcpu_block(CLOCK_NEVER); /* still masked: what came since the test ends the block at once */
        vcpu_restore_upcalls(was_masked);
    }
}

void thread_start(void)
{
    struct thread *idle = &THREADS_HERE.idle;

    idle->state = THREAD_RUNNING;
    strcpy(idle->name, "idle");
    list_init(&idle->run_link);
    list_init(&idle->wait_link);
    timer_init(&idle->timer, thread_on_timeout, idle);
    THREADS_HERE.current = idle;
    THREADS_HERE.since_ns = clock_monotonic_ns();
    tls_start();
    timer_start(thread_on_slice);
}
