/*
 * The testbed's hand in dom0: runs commands for the `xenolith` command outside.
 *
 * Owns the virtio-serial ports named xenolith.N. Each port is one session with one host process at a
 * time; a process of ours serves it. Both directions carry frames: type (1 byte), length (4 bytes,
 * little-endian), payload. A session begins with SYNC, so that what an earlier, interrupted session
 * left in the pipe is passed over.
 *
 *   host to agent   SYNC  magic "xeno" and 12 bytes of the host's choice, answered by the same
 *                   EXEC  flags (1 byte: 1 = on a terminal), then the words, each ended by NUL
 *                   DATA  for its standard input; an empty one closes it
 *                   KILL  end it
 *                   FILE  mode (octal) NUL path NUL: DATA frames follow, an empty one ends the file
 *                   TIME  nanoseconds since 1970 (8 bytes): set the clock
 *   agent to host   OUT, ERR  its output    EXIT  status (4 bytes)    FAIL  what was wrong, as text
 *
 * Commands, files and times are answered by EXIT (after all output) or FAIL. When the host goes away
 * its command is killed, and also when a SYNC with another choice shows that the next host is there. A
 * frame that makes no sense is answered by FAIL, and SYNC is awaited.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AGENT_PAYLOAD_MAX (1u << 20)
#define AGENT_CHUNK 65536u
#define AGENT_SYNC_SIZE 16u
#define AGENT_WORDS_MAX 1024
#define AGENT_AWAY_MS 200 /* how soon a host that comes back is noticed, if its signal got lost */

enum agent_frame {
    FRAME_SYNC = 'S', FRAME_EXEC = 'E', FRAME_DATA = 'D', FRAME_KILL = 'K', FRAME_FILE = 'F',
    FRAME_TIME = 'T', FRAME_OUT = 'O', FRAME_ERR = 'R', FRAME_EXIT = 'X', FRAME_FAIL = '!',
};

static const char agent_magic[4] = { 'x', 'e', 'n', 'o' };

/* The command under way; pid 0: none. */
struct agent_command {
    pid_t pid;
    int in, out, err; /* -1: closed */
    bool exited;
    int status;
};

struct agent_session {
    int port;
    uint8_t mark[AGENT_SYNC_SIZE]; /* of the host that it is with */
    struct agent_command command;
    int file; /* being written by DATA frames, -1 without */
    int file_error;
    uint8_t payload[AGENT_PAYLOAD_MAX];
};

static struct agent_session session;

/* Read exactly n bytes; false when the host has gone. */
static bool agent_read(int port, void *buffer, size_t n)
{
    uint8_t *at = buffer;

    while (n > 0) {
        ssize_t got = read(port, at, n);
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        }
    }
    return true;
}

static bool agent_write(int port, const void *buffer, size_t n)
{
    const uint8_t *at = buffer;

    while (n > 0) {
        ssize_t put = write(port, at, n);
        if (put > 0) {
            at += put;
            n -= (size_t)put;
        } else if (put < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

static bool agent_send(enum agent_frame type, const void *payload, uint32_t len)
{
    uint8_t head[5] = { (uint8_t)type, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                        (uint8_t)(len >> 24) };

    return agent_write(session.port, head, sizeof(head)) &&
           agent_write(session.port, payload, len);
}

static bool agent_send_exit(int32_t status)
{
    uint8_t bytes[4] = { (uint8_t)status, (uint8_t)(status >> 8), (uint8_t)(status >> 16),
                         (uint8_t)(status >> 24) };

    return agent_send(FRAME_EXIT, bytes, sizeof(bytes));
}

static bool agent_fail(const char *what, int error)
{
    char text[256];

    if (error != 0)
        snprintf(text, sizeof(text), "%s: %s", what, strerror(error));
    else
        snprintf(text, sizeof(text), "%s", what);
    return agent_send(FRAME_FAIL, text, (uint32_t)strlen(text));
}

static void agent_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The command with all its children. Until it has its own group it has none, and is itself alone. */
static void agent_kill_command(void)
{
    pid_t pid = session.command.pid;

    if (kill(-pid, SIGKILL) != 0)
        kill(pid, SIGKILL);
}

static void agent_end_command(void)
{
    struct agent_command *command = &session.command;

    if (command->pid != 0 && !command->exited) {
        agent_kill_command();
        waitpid(command->pid, NULL, 0);
    }
    agent_close(&command->in);
    agent_close(&command->out);
    agent_close(&command->err);
    command->pid = 0;
}

/* In the child: become the command. in, out and err are its ends. */
static void agent_become(char **words, int in, int out, int err, bool on_terminal)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!on_terminal) {
        setsid();
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
    }
    execvp(words[0], words);
    dprintf(2, "%s: %s\n", words[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static bool agent_start_on_terminal(char **words)
{
    int master;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);

    if (pid == 0)
        agent_become(words, 0, 1, 2, true);
    if (pid < 0)
        return agent_fail("forkpty", errno);
    session.command = (struct agent_command){
        .pid = pid, .in = dup(master), .out = master, .err = -1,
    };
    return true;
}

static bool agent_start(char **words)
{
    int in[2], out[2], err[2];

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        return agent_fail("pipe", errno);
    pid_t pid = fork();
    if (pid == 0)
        agent_become(words, in[0], out[1], err[1], false);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    session.command = (struct agent_command){
        .pid = pid, .in = in[1], .out = out[0], .err = err[0],
    };
    if (pid < 0) {
        session.command.pid = 0;
        agent_end_command();
        return agent_fail("fork", errno);
    }
    fcntl(session.command.in, F_SETFL, O_NONBLOCK);
    return true;
}

static bool agent_exec(uint32_t len)
{
    char *words[AGENT_WORDS_MAX + 1];
    size_t n = 0;
    char *text = (char *)session.payload;

    if (session.command.pid != 0)
        return agent_fail("a command is under way already", 0);
    if (len < 3 || text[len - 1] != '\0')
        return agent_fail("EXEC without a command", 0);
    for (char *at = text + 1; at < text + len; at += strlen(at) + 1) {
        if (n == AGENT_WORDS_MAX)
            return agent_fail("EXEC with too many words", 0);
        words[n++] = at;
    }
    words[n] = NULL;
    return text[0] == 1 ? agent_start_on_terminal(words) : agent_start(words);
}

/* Pass on what one of the command's outputs has; closes it at its end. */
static bool agent_pass_on(int *fd, enum agent_frame type)
{
    static uint8_t chunk[AGENT_CHUNK];
    ssize_t got = read(*fd, chunk, sizeof(chunk));

    if (got > 0)
        return agent_send(type, chunk, (uint32_t)got);
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        agent_close(fd);
    return true;
}

/*
 * Input for the command. While it does not take it, its output is passed on, as it may be waiting for
 * that itself.
 */
static bool agent_feed(const uint8_t *data, size_t len)
{
    struct agent_command *command = &session.command;

    while (len > 0 && command->in >= 0) {
        ssize_t put = write(command->in, data, len);
        if (put > 0) {
            data += put;
            len -= (size_t)put;
            continue;
        }
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            agent_close(&command->in); /* it does not want any more */
            break;
        }
        struct pollfd ready[3] = {
            { .fd = command->in, .events = POLLOUT },
            { .fd = command->out, .events = POLLIN },
            { .fd = command->err, .events = POLLIN },
        };
        if (poll(ready, 3, 1000) <= 0)
            continue;
        if (ready[1].revents != 0 && !agent_pass_on(&command->out, FRAME_OUT))
            return false;
        if (ready[2].revents != 0 && !agent_pass_on(&command->err, FRAME_ERR))
            return false;
    }
    return true;
}

static bool agent_data(uint32_t len)
{
    if (session.file >= 0 || session.file_error != 0) {
        if (len == 0) {
            int error = session.file_error;
            agent_close(&session.file);
            session.file_error = 0;
            return error != 0 ? agent_fail("write", error) : agent_send_exit(0);
        }
        for (uint32_t done = 0; done < len && session.file_error == 0;) {
            ssize_t put = write(session.file, session.payload + done, len - done);
            if (put < 0)
                session.file_error = errno;
            else
                done += (uint32_t)put;
        }
        return true;
    }
    if (len == 0)
        agent_close(&session.command.in);
    else
        return agent_feed(session.payload, len);
    return true; /* without a command the data came too late: it has ended */
}

static bool agent_file(uint32_t len)
{
    char *text = (char *)session.payload;
    size_t mode_len = strnlen(text, len);

    if (session.command.pid != 0 || session.file >= 0)
        return agent_fail("something is under way already", 0);
    if (len < 4 || text[len - 1] != '\0' || mode_len + 1 >= len)
        return agent_fail("FILE without mode and path", 0);
    const char *path = text + mode_len + 1;
    session.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (session.file < 0)
        session.file_error = errno;
    else
        fchmod(session.file, (mode_t)strtoul(text, NULL, 8));
    return true;
}

static bool agent_time(uint32_t len)
{
    uint64_t ns;

    if (len != sizeof(ns))
        return agent_fail("TIME takes 8 bytes", 0);
    memcpy(&ns, session.payload, sizeof(ns));
    struct timespec now = {
        .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u),
    };
    if (clock_settime(CLOCK_REALTIME, &now) != 0)
        return agent_fail("clock_settime", errno);
    return agent_send_exit(0);
}

/* Nothing is under way any more. */
static void agent_reset(void)
{
    agent_end_command();
    agent_close(&session.file);
    session.file_error = 0;
}

/*
 * A mark again: sent before we had answered. Another one: the next host, which came before the going of
 * the last one was noticed.
 */
static bool agent_sync(uint32_t len)
{
    if (len != AGENT_SYNC_SIZE)
        return agent_fail("SYNC takes a mark", 0);
    if (memcmp(session.mark, session.payload, AGENT_SYNC_SIZE) != 0) {
        agent_reset();
        memcpy(session.mark, session.payload, AGENT_SYNC_SIZE);
    }
    return agent_send(FRAME_SYNC, session.payload, len);
}

/* One frame from the host. False ends the session. */
static bool agent_take_frame(void)
{
    uint8_t head[5];
    uint32_t len;

    if (!agent_read(session.port, head, sizeof(head)))
        return false;
    len = head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 | (uint32_t)head[4] << 24;
    if (len > AGENT_PAYLOAD_MAX) {
        agent_fail("a frame is too long", 0);
        return false;
    }
    if (!agent_read(session.port, session.payload, len))
        return false;
    switch (head[0]) {
    case FRAME_EXEC:
        return agent_exec(len);
    case FRAME_DATA:
        return agent_data(len);
    case FRAME_FILE:
        return agent_file(len);
    case FRAME_TIME:
        return agent_time(len);
    case FRAME_SYNC:
        return agent_sync(len);
    case FRAME_KILL:
        if (session.command.pid != 0)
            agent_kill_command();
        return true;
    default:
        agent_fail("a frame of unknown type", 0);
        return false;
    }
}

/* EXIT once the command has ended and its output is out; daemons it left may hold the pipes open. */
static bool agent_finish_command(bool output_idle)
{
    struct agent_command *command = &session.command;
    int status;

    if (!command->exited && waitpid(command->pid, &status, WNOHANG) == command->pid) {
        command->exited = true;
        command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (!command->exited || (!output_idle && (command->out >= 0 || command->err >= 0)))
        return true;
    int exit_status = command->status;
    agent_end_command();
    return agent_send_exit(exit_status);
}

/* Until the host goes. SIGCHLD and SIGIO are blocked but for the time of the wait. */
static void agent_serve(const sigset_t *while_waiting)
{
    struct agent_command *command = &session.command;

    for (;;) {
        struct pollfd ready[3] = {
            { .fd = session.port, .events = POLLIN },
            { .fd = command->pid != 0 ? command->out : -1, .events = POLLIN },
            { .fd = command->pid != 0 ? command->err : -1, .events = POLLIN },
        };
        struct timespec soon = { .tv_nsec = command->exited ? 0 : 100000000 };
        int n = ppoll(ready, 3, command->pid != 0 ? &soon : NULL, while_waiting);

        if (n < 0 && errno != EINTR)
            return;
        if (n > 0 && ready[1].revents != 0 && !agent_pass_on(&command->out, FRAME_OUT))
            return;
        if (n > 0 && ready[2].revents != 0 && !agent_pass_on(&command->err, FRAME_ERR))
            return;
        bool output_idle = n == 0 || (n > 0 && ready[1].revents == 0 && ready[2].revents == 0);
        if (command->pid != 0 && !agent_finish_command(output_idle))
            return;
        if (n > 0 && (ready[0].revents & POLLIN) != 0) {
            if (!agent_take_frame())
                return;
        } else if (n > 0 && (ready[0].revents & (POLLHUP | POLLERR)) != 0) {
            return;
        }
    }
}

/* Pass over everything up to the next SYNC, and answer it. */
static bool agent_await_sync(void)
{
    uint8_t window[5 + AGENT_SYNC_SIZE];
    const uint8_t head[5] = { FRAME_SYNC, AGENT_SYNC_SIZE, 0, 0, 0 };

    if (!agent_read(session.port, window, sizeof(window)))
        return false;
    while (memcmp(window, head, sizeof(head)) != 0 ||
           memcmp(window + sizeof(head), agent_magic, sizeof(agent_magic)) != 0) {
        memmove(window, window + 1, sizeof(window) - 1);
        if (!agent_read(session.port, window + sizeof(window) - 1, 1))
            return false;
    }
    memcpy(session.mark, window + sizeof(head), AGENT_SYNC_SIZE);
    return agent_write(session.port, window, sizeof(window));
}

static void agent_on_signal(int signal_number)
{
    (void)signal_number; /* it ends a wait, nothing else */
}

static void agent_port(const char *path)
{
    struct sigaction action = { .sa_handler = agent_on_signal };
    sigset_t blocked, while_waiting;

    sigaction(SIGCHLD, &action, NULL);
    sigaction(SIGIO, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGIO);
    sigprocmask(SIG_BLOCK, &blocked, &while_waiting);

    session.port = open(path, O_RDWR | O_CLOEXEC);
    if (session.port < 0) {
        fprintf(stderr, "agent: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    fcntl(session.port, F_SETOWN, getpid());
    fcntl(session.port, F_SETFL, O_ASYNC); /* SIGIO when the host comes or goes */
    session.file = -1;
    session.command.in = session.command.out = session.command.err = -1;
    for (;;) {
        struct pollfd ready = { .fd = session.port, .events = POLLIN };
        struct timespec away = { .tv_nsec = AGENT_AWAY_MS * 1000000L };

        /* Without a host a port is readable too, and at its end at once. */
        if (ppoll(&ready, 1, NULL, &while_waiting) > 0 && (ready.revents & POLLIN) != 0 &&
            agent_await_sync()) {
            agent_serve(&while_waiting);
            agent_reset();
        } else {
            ppoll(NULL, 0, &away, &while_waiting); /* nobody there: until SIGIO */
        }
    }
}

/* The device of the port that QEMU calls xenolith.N; false when there is no such port. */
static bool agent_find_port(unsigned n, char path[300])
{
    const char *top = "/sys/class/virtio-ports";
    DIR *ports = opendir(top);
    char want[32];
    bool found = false;

    snprintf(want, sizeof(want), "xenolith.%u\n", n);
    for (struct dirent *entry; ports != NULL && !found && (entry = readdir(ports)) != NULL;) {
        char name_path[600], name[64] = "";
        snprintf(name_path, sizeof(name_path), "%s/%s/name", top, entry->d_name);
        FILE *file = fopen(name_path, "r");
        if (file == NULL)
            continue;
        found = fgets(name, sizeof(name), file) != NULL && strcmp(name, want) == 0;
        fclose(file);
        if (found)
            snprintf(path, 300, "/dev/%s", entry->d_name);
    }
    if (ports != NULL)
        closedir(ports);
    return found;
}

/* `agent` serves every port there is; `agent PATH` serves one device, for tests. */
int main(int argc, char **argv)
{
    char path[300];

    if (argc > 1)
        agent_port(argv[1]);
    for (unsigned n = 0; agent_find_port(n, path); n++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            agent_port(path);
        }
    }
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    return 1;
}
