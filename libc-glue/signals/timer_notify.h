/*
 * timer_notify: SIGEV_THREAD: a timer's expiry as a call in a thread.
 *
 * One thread serves all such timers. It starts a new, detached thread for each call when the
 * program has pthread_create(), and calls the function itself otherwise.
 */
#ifndef LIBC_GLUE_TIMER_NOTIFY_H
#define LIBC_GLUE_TIMER_NOTIFY_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include <runtime/list.h>

struct timer_notice {
    struct list link; /* among those due, or alone; protected by the lock "timer notices" */
    void (*function)(union sigval value);
    union sigval value;
    bool has_attributes;
    pthread_attr_t attributes;
};

/* Have the thread. Returns 0 or -EAGAIN. */
int timer_notify_start(void);

/* In an event handler: ask for a call. False when the last one has not begun yet. */
bool timer_notify(struct timer_notice *notice);

/* The notice is about to be freed. */
void timer_notify_forget(struct timer_notice *notice);

#endif
