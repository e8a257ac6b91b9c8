/* Names of terminals, and reading a password from one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TTYNAME_PASSWORD_MAX 128

static const char ttyname_console[] = "/dev/console";

int ttyname_r(int fd, char *name, size_t size)
{
    if (!isatty(fd))
        return errno;
    if (size < sizeof(ttyname_console))
        return ERANGE;
    memcpy(name, ttyname_console, sizeof(ttyname_console));
    return 0;
}

char *ttyname(int fd)
{
    static char name[sizeof(ttyname_console)];
    int error = ttyname_r(fd, name, sizeof(name));

    if (error == 0)
        return name;
    errno = error;
    return NULL;
}

/* One line from standard input into password, without echo. NULL at the end of input. */
static char *ttyname_read_password(char password[TTYNAME_PASSWORD_MAX + 1])
{
    size_t len = 0;
    ssize_t n;
    char c;

    while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
        if (len < TTYNAME_PASSWORD_MAX)
            password[len++] = c;
    password[len] = '\0';
    return n == 1 || len > 0 ? password : NULL;
}

char *getpass(const char *prompt)
{
    static char password[TTYNAME_PASSWORD_MAX + 1];
    struct termios saved, silent;
    int has_terminal = tcgetattr(STDIN_FILENO, &saved) == 0;
    char *answer;

    if (has_terminal) {
        silent = saved;
        silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    write(STDERR_FILENO, prompt, strlen(prompt));
    answer = ttyname_read_password(password);
    write(STDERR_FILENO, "\n", 1);
    if (has_terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
    return answer;
}
