#include "signal_core.h"

#include <errno.h>
#include <stddef.h>

#include <platform/clock.h>
#include <runtime/timer.h>

#include "signal_default.h"

#define SIGNAL_POOL 64
#define SIGNAL_POKE_FIRST_NS 1000000u  /* how soon a running thread is looked at again, */
#define SIGNAL_POKE_LAST_NS 128000000u /* and after several vain looks */

struct signals signals = {
    .lock = SPINLOCK_INIT("signals"),
    .queue = LIST_INIT(signals.queue),
    .waiting = WAIT_QUEUE_INIT(signals.waiting),
};

/* Protected by the lock. */
static struct {
    struct signal_node node[SIGNAL_POOL];
    struct list free;
    unsigned used; /* nodes that have ever been used; the free list holds some of them */
} signal_pool = { .free = LIST_INIT(signal_pool.free) };

static void signal_poke_fired(struct timer *timer);
static struct timer signal_poke = { .fired = signal_poke_fired };
static uint64_t signal_poke_ns; /* the next interval */

/* ---- nodes ---- */

static struct signal_node *signal_node_get(void)
{
    if (!list_empty(&signal_pool.free)) {
        struct signal_node *node = list_entry(signal_pool.free.next, struct signal_node, link);
        list_remove(&node->link);
        return node;
    }
    if (signal_pool.used == SIGNAL_POOL)
        return NULL;
    struct signal_node *node = &signal_pool.node[signal_pool.used++];
    list_init(&node->link);
    return node;
}

static void signal_node_done(struct signal_node *node)
{
    list_remove(&node->link);
    if (node->taken != NULL)
        node->taken(node);
    else
        list_append(&signal_pool.free, &node->link);
}

/* The first node of that signal in a queue, behind `after` (the queue's head to begin with). */
static struct signal_node *signal_node_next(struct list *queue, struct list *after, int number)
{
    for (struct list *link = after->next; link != queue; link = link->next) {
        struct signal_node *node = list_entry(link, struct signal_node, link);
        if (node->info.si_signo == number)
            return node;
    }
    return NULL;
}

/* ---- dispositions ---- */

bool signal_ignored(int number)
{
    const struct sigaction *action = &signals.action[number];

    return action->sa_handler == SIG_IGN ||
           (action->sa_handler == SIG_DFL && signal_default_ignores(number));
}

static void signal_discard(signal_set_t *pending, struct list *queue, int number)
{
    struct signal_node *node;

    __atomic_and_fetch(pending, ~SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
    while ((node = signal_node_next(queue, queue, number)) != NULL)
        signal_node_done(node);
}

static struct posix_thread *signal_posix_of(struct thread *thread)
{
    return thread == posix_main()->thread ? posix_main() : thread->posix;
}

static void signal_discard_of_thread(struct thread *thread, void *arg)
{
    struct posix_thread *posix = signal_posix_of(thread);

    if (posix == NULL)
        return;
    signal_discard(&posix->pending, &posix->queue, *(int *)arg);
    posix->given &= ~SIGNAL_BIT(*(int *)arg);
}

int signal_set_action(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction wanted;

    if (!signal_number_ok(number) ||
        (action != NULL && (SIGNAL_BIT(number) & SIGNAL_UNBLOCKABLE) != 0))
        return -EINVAL;
    if (action != NULL)
        wanted = *action; /* action and old may be one */
    bool was_masked = spin_lock(&signals.lock);
    if (old != NULL)
        *old = signals.action[number];
    if (action != NULL) {
        signals.action[number] = wanted;
        if (signal_ignored(number)) { /* what is pending already is ignored, too */
            signal_discard(&signals.pending, &signals.queue, number);
            __atomic_and_fetch(&signals.given, ~SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
            thread_for_each(signal_discard_of_thread, &number);
        }
    }
    spin_unlock(&signals.lock, was_masked);
    return 0;
}

/* ---- sending ---- */

struct posix_thread *signal_self(void)
{
    struct thread *self = thread_self();

    if (self == NULL)
        return NULL;
    if (self->posix != NULL)
        return self->posix;
    return self == posix_main()->thread ? posix_main() : NULL;
}

struct signal_search {
    signal_set_t bit;
    struct posix_thread *self; /* the caller, who is as good as any, and needs no waking */
    struct posix_thread *found;
    unsigned quality;
};

/* The best taker: one who waits for it, then main, then the caller, then whoever has it unblocked.
 */
static void signal_search_visit(struct thread *thread, void *arg)
{
    struct signal_search *search = arg;
    struct posix_thread *posix = signal_posix_of(thread);
    unsigned quality = 0;

    if (posix == NULL || thread->state == THREAD_DEAD || posix->ended != 0)
        return;
    if ((posix->awaited & search->bit) != 0)
        quality = 4;
    else if ((posix->blocked & search->bit) != 0)
        return;
    else if (posix == posix_main())
        quality = 3;
    else
        quality = posix == search->self ? 2 : 1;
    if (quality > search->quality) {
        search->quality = quality;
        search->found = posix;
    }
}

static struct posix_thread *signal_find_taker(int number)
{
    struct signal_search search = { .bit = SIGNAL_BIT(number), .self = signal_self() };

    thread_for_each(signal_search_visit, &search);
    return search.found;
}

/* True when the thread will look by itself: it is in a wait that has just been, or will be, ended.
 */
static bool signal_sleeps(const struct thread *thread)
{
    return thread->state == THREAD_WAITING && thread->interruptible;
}

/*
 * Make the thread look. One that sleeps is woken. One that runs, or is ready to, looks at the end
 * of its next upcall; the poke timer sees to it that there is one.
 */
static void signal_kick(struct posix_thread *taker)
{
    bool sleeps;

    if (taker->thread == NULL)
        return;
    sleeps = signal_sleeps(taker->thread);
    if (taker->thread == thread_self() && !vcpu_in_event())
        return; /* the caller of kill() looks before it returns */
    thread_interrupt(taker->thread);
    if (!sleeps) {
        signal_poke_ns = SIGNAL_POKE_FIRST_NS;
        timer_arm(&signal_poke, clock_monotonic_ns() + SIGNAL_POKE_FIRST_NS);
    }
}

static void signal_poke_visit(struct thread *thread, void *arg)
{
    struct posix_thread *posix = signal_posix_of(thread);

    if (posix != NULL && thread->state != THREAD_DEAD && signal_due(posix) != 0 &&
        !signal_sleeps(thread))
        *(bool *)arg = true;
}

/* In an event handler, whose end is what matters: there the thread that runs looks. Else later. */
static void signal_poke_fired(struct timer *timer)
{
    bool again = false;

    thread_for_each(signal_poke_visit, &again);
    if (!again)
        return;
    timer_arm(timer, clock_monotonic_ns() + signal_poke_ns);
    if (signal_poke_ns < SIGNAL_POKE_LAST_NS)
        signal_poke_ns *= 2;
}

static void signal_give(struct posix_thread *taker, int number)
{
    taker->given |= SIGNAL_BIT(number);
    __atomic_or_fetch(&signals.given, SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
}

/* One that the process was sent has been taken, or is to be given to another thread. */
static void signal_not_given(struct posix_thread *self, int number)
{
    self->given &= ~SIGNAL_BIT(number);
    __atomic_and_fetch(&signals.given, ~SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
}

void signal_give_back(struct posix_thread *self)
{
    signal_set_t back = self->given & self->blocked & ~self->awaited;

    while (back != 0) {
        int number = __builtin_ctzll(back) + 1;
        struct posix_thread *taker;

        back &= back - 1;
        signal_not_given(self, number);
        if ((signals.pending & SIGNAL_BIT(number)) == 0)
            continue;
        taker = signal_find_taker(number);
        if (taker != NULL) {
            signal_give(taker, number);
            signal_kick(taker);
        }
    }
}

void signal_block(struct posix_thread *self, signal_set_t blocked)
{
    __atomic_store_n(&self->blocked, blocked & ~SIGNAL_UNBLOCKABLE, __ATOMIC_SEQ_CST);
    if ((self->given & self->blocked) == 0)
        return;
    bool was_masked = spin_lock(&signals.lock);
    signal_give_back(self);
    spin_unlock(&signals.lock, was_masked);
}

int signal_post_locked(struct posix_thread *to, const siginfo_t *info, struct signal_node *node)
{
    int number = info->si_signo;
    struct posix_thread *taker = to;
    signal_set_t *pending = to != NULL ? &to->pending : &signals.pending;
    struct list *queue = to != NULL ? &to->queue : &signals.queue;
    bool takes;

    if (to == NULL)
        taker = signal_find_taker(number);
    takes = taker != NULL && ((taker->blocked & SIGNAL_BIT(number)) == 0 ||
                              (taker->awaited & SIGNAL_BIT(number)) != 0);
    if (takes && (taker->awaited & SIGNAL_BIT(number)) == 0 && signal_ignored(number))
        return 0;
    /* One of a kind is enough for the classic signals; of the others, each counts. */
    if ((*pending & SIGNAL_BIT(number)) != 0 && number < SIGNAL_FIRST_REALTIME)
        return 0;
    if (node == NULL) {
        node = signal_node_get();
        if (node == NULL && info->si_code == SI_QUEUE)
            return -EAGAIN;
        if (node != NULL)
            node->taken = NULL;
    }
    if (node != NULL) { /* without one, what it carries is lost, but not the signal */
        node->info = *info;
        list_append(queue, &node->link);
    }
    __atomic_or_fetch(pending, SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
    if (takes && to == NULL)
        signal_give(taker, number);
    if (takes)
        signal_kick(taker);
    return 0;
}

int signal_post(struct posix_thread *to, const siginfo_t *info, struct signal_node *node)
{
    bool was_masked = spin_lock(&signals.lock);
    int error = signal_post_locked(to, info, node);

    spin_unlock(&signals.lock, was_masked);
    return error;
}

/* ---- taking ---- */

int signal_take(struct posix_thread *self, signal_set_t set, siginfo_t *info)
{
    signal_set_t own = self->pending & set;
    signal_set_t all = signals.pending & set & (self->given | ~signals.given);
    signal_set_t *pending = &signals.pending;
    struct list *queue = &signals.queue;
    struct signal_node *node;
    int number;

    if ((own | all) == 0)
        return 0;
    number = __builtin_ctzll(own | all) + 1;
    if ((own & SIGNAL_BIT(number)) != 0) {
        pending = &self->pending;
        queue = &self->queue;
    }
    *info = (siginfo_t){ .si_signo = number, .si_code = SI_USER };
    node = signal_node_next(queue, queue, number);
    if (node == NULL || signal_node_next(queue, &node->link, number) == NULL) {
        __atomic_and_fetch(pending, ~SIGNAL_BIT(number), __ATOMIC_SEQ_CST);
        if (pending == &signals.pending)
            signal_not_given(self, number);
    }
    if (node != NULL) {
        signal_node_done(node); /* may complete the info */
        *info = node->info;
    }
    return number;
}

void signal_forget(struct signal_node *node)
{
    int number = node->info.si_signo;
    bool was_masked = spin_lock(&signals.lock);

    if (!list_empty(&node->link)) {
        list_remove(&node->link);
        /* A classic signal may stand for others, too, that were sent meanwhile. */
        if (number >= SIGNAL_FIRST_REALTIME &&
            signal_node_next(&signals.queue, &signals.queue, number) == NULL)
            signal_discard(&signals.pending, &signals.queue, number);
    }
    spin_unlock(&signals.lock, was_masked);
}
