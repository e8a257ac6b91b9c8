/*
 * first_line: how long a paused guest takes from its unpause to a line on its console, seen in dom0.
 *
 * Usage: first_line DOMID TTY WORDS SECONDS
 *
 * Opens the guest's console (the pty that xenconsoled has made for it), lets the domain go, and
 * prints the nanoseconds until a line that begins with WORDS is complete. The unpause is made here
 * and not by `xl`, whose start takes many times longer than what is measured.
 * Source: xen/domctl.h (XEN_DOMCTL_unpausedomain), xen/sys/privcmd.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/domctl.h>
#define __user
#include <xen/sys/privcmd.h>

#define SETTLE_NS 50000000 /* who reads what we print has begun by then: dom0 has one processor */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Xen reads the argument from our memory, which must stay where it is. */
static int unpause(int privcmd, unsigned domid)
{
    struct xen_domctl *op = mmap(NULL, sizeof(*op), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);

    if (op == MAP_FAILED)
        return -1;
    op->cmd = XEN_DOMCTL_unpausedomain;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)domid;
    privcmd_hypercall_t call = { .op = __HYPERVISOR_domctl, .arg = { (uintptr_t)op } };
    return ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);
}

/* Read until a line begins with words; false when the time is up or the console is gone. */
static int wait_for_line(int tty, const char *words, int64_t deadline_ns)
{
    char line[4096];
    size_t used = 0;

    for (;;) {
        struct pollfd ready = { .fd = tty, .events = POLLIN };
        int64_t left_ns = deadline_ns - now_ns();

        if (left_ns <= 0 || poll(&ready, 1, (int)(left_ns / 1000000) + 1) < 0)
            return 0;
        ssize_t got = read(tty, line + used, sizeof(line) - used);
        if (got < 0 && errno != EAGAIN)
            return 0;
        used += got > 0 ? (size_t)got : 0;
        for (char *end; (end = memchr(line, '\n', used)) != NULL;) {
            if (strncmp(line, words, strlen(words)) == 0)
                return 1;
            used -= (size_t)(end + 1 - line);
            memmove(line, end + 1, used);
        }
        if (used == sizeof(line))
            used = 0; /* a line this long is not the one */
    }
}

int main(int argc, char **argv)
{
    struct termios raw;

    if (argc != 5) {
        fprintf(stderr, "usage: first_line DOMID TTY WORDS SECONDS\n");
        return 2;
    }
    int privcmd = open("/dev/xen/privcmd", O_RDWR);
    int tty = open(argv[2], O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (privcmd < 0 || tty < 0) {
        perror(privcmd < 0 ? "/dev/xen/privcmd" : argv[2]);
        return 1;
    }
    if (tcgetattr(tty, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(tty, TCSANOW, &raw);
    }
    nanosleep(&(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
    int64_t begun_ns = now_ns();
    if (unpause(privcmd, (unsigned)atoi(argv[1])) < 0) {
        perror("unpause");
        return 1;
    }
    if (!wait_for_line(tty, argv[3], begun_ns + atoll(argv[4]) * 1000000000ll)) {
        fprintf(stderr, "no line \"%s\" within %s s\n", argv[3], argv[4]);
        return 1;
    }
    printf("%lld\n", (long long)(now_ns() - begun_ns));
    return 0;
}
