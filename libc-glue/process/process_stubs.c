/*
 * process_stubs: new processes and programs. A guest is one process for all its life, so making another
 * one, or becoming another program, is refused with ENOSYS, and waiting for children with ECHILD.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result.h"

pid_t _fork(void);
int _execve(const char *path, char *const argv[], char *const envp[]);

pid_t _fork(void)
{
    return (pid_t)result(-ENOSYS);
}

extern __typeof__(fork) fork __attribute__((weak, alias("_fork")));
extern __typeof__(fork) vfork __attribute__((weak, alias("_fork")));

int _execve(const char *path, char *const argv[], char *const envp[])
{
    (void)path;
    (void)argv;
    (void)envp;
    return (int)result(-ENOSYS);
}

extern __typeof__(execve) execve __attribute__((weak, alias("_execve")));
extern __typeof__(execvpe) execvpe __attribute__((weak, alias("_execve")));

int fexecve(int fd, char *const argv[], char *const envp[])
{
    (void)fd;
    (void)argv;
    (void)envp;
    return (int)result(-ENOSYS);
}

int execlpe(const char *file, const char *arg, ...)
{
    (void)file;
    (void)arg;
    return (int)result(-ENOSYS);
}

int daemon(int keep_directory, int keep_streams)
{
    (void)keep_directory;
    (void)keep_streams;
    return (int)result(-ENOSYS);
}

pid_t _wait(int *status)
{
    (void)status;
    return (pid_t)result(-ECHILD);
}

extern __typeof__(_wait) wait __attribute__((weak, alias("_wait")));

pid_t waitpid(pid_t pid, int *status, int options)
{
    (void)pid;
    (void)status;
    (void)options;
    return (pid_t)result(-ECHILD);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
    (void)status;
    (void)options;
    (void)usage;
    return (pid_t)result(-ECHILD);
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    (void)pid;
    (void)status;
    (void)options;
    (void)usage;
    return (pid_t)result(-ECHILD);
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    (void)type;
    (void)id;
    (void)info;
    (void)options;
    return (int)result(-ECHILD);
}
