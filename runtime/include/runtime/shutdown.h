/*
 * shutdown: how the guest ends.
 *
 * Owns the order of the end: hooks (newest first), exit status into xenstore and onto the console,
 * console drained, domain state.
 */
#ifndef RUNTIME_SHUTDOWN_H
#define RUNTIME_SHUTDOWN_H

/* Run fn at an orderly end, on the ending thread; it may wait, for a bounded time. */
struct shutdown_hook {
    struct shutdown_hook *next;
    const char *name;
    void (*fn)(void);
};
void shutdown_add_hook(struct shutdown_hook *hook);

/* An orderly end: publish status (0-255), poweroff. */
void shutdown_exit(int status) __attribute__((noreturn));

/* The end of a crash: why is one line, already printed in full by the caller; SHUTDOWN_crash. */
void shutdown_crash(const char *why) __attribute__((noreturn));

/*
 * Somebody outside asked: "poweroff", "halt", "reboot" or "suspend" in control/shutdown. The handler runs in
 * a thread's context; without one poweroff ends the guest with status 0... see shutdown.c.
 */
void shutdown_set_request_handler(void (*handler)(const char *request));

#endif
