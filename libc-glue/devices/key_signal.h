/*
 * key_signal: Ctrl-C and its kin in a program without signals: they do the default action.
 *
 * The terminal asks for this where signal_from_terminal() is not linked.
 */
#ifndef LIBC_GLUE_KEY_SIGNAL_H
#define LIBC_GLUE_KEY_SIGNAL_H

/* Boot: keys arrive in event handlers, and memory may be short, so a thread is made ready now. */
void key_signal_start(void);

/* The key was typed. Any context. */
void key_signal_raise(int number);

#endif
