/*
 * resume: what changes a thread's way when an upcall goes back to it. The runtime has one hook for
 * it; here it serves asynchronous signals and asynchronous cancellation.
 */
#ifndef LIBC_GLUE_RESUME_H
#define LIBC_GLUE_RESUME_H

struct trap_frame;

/* From now on, call the functions below that the program has. */
void resume_watch(void);

/* On the thread's own stack, upcalls masked; they may change the frame. */
void cancel_on_resume(struct trap_frame *frame) __attribute__((weak));
void signal_on_resume(struct trap_frame *frame) __attribute__((weak));

#endif
