/*
 * What a program can ask about its process and its machine, and what a guest refuses.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <grp.h>
#include <limits.h>
#include <link.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void test_identity(void)
{
    struct passwd entry, *found;
    struct group *group = getgrgid(0);
    char buffer[200];

    CHECK_EQ(getpid(), 1);
    CHECK_EQ(getppid(), 0);
    CHECK_EQ(getpgrp(), 1);
    CHECK_ERRNO(setsid(), EPERM);
    CHECK_ERRNO(getsid(17), ESRCH);
    CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
    CHECK_STR(getpwuid(0)->pw_name, "root");
    CHECK_EQ(getpwnam("nobody")->pw_uid, 65534);
    CHECK(getpwnam("somebody") == NULL);
    CHECK(group != NULL && strcmp(group->gr_name, "root") == 0 && group->gr_mem[0] == NULL);
    CHECK_EQ(getpwnam_r("root", &entry, buffer, sizeof(buffer), &found), 0);
    CHECK(found == &entry && entry.pw_dir >= buffer && entry.pw_dir < buffer + sizeof(buffer));
    CHECK_EQ(getpwnam_r("root", &entry, buffer, 3, &found), ERANGE);
    CHECK(found == NULL);
    int n = 0;
    for (setpwent(); getpwent() != NULL;)
        n++;
    CHECK_EQ(n, 2);
}

/* Last, as there is no way back. */
static void test_giving_up_rights(void)
{
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setgid(65534), 0);
    CHECK_EQ(seteuid(100), 0);
    CHECK_EQ(seteuid(0), 0); /* the saved id allows it */
    CHECK_EQ(setuid(65534), 0);
    CHECK(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534);
    CHECK_ERRNO(setuid(0), EPERM);
    CHECK_ERRNO(seteuid(0), EPERM);
    CHECK_ERRNO(setgid(0), EPERM);
}

static void test_machine(void)
{
    struct utsname names;
    struct sysinfo info;
    struct rusage usage;
    char host[HOST_NAME_MAX + 1], tiny[3];

    CHECK_EQ(uname(&names), 0);
    CHECK_STR(names.sysname, "Xenolith");
    CHECK_STR(names.machine, "x86_64");
    CHECK(strncmp(names.version, "Xen ", 4) == 0);
    CHECK_EQ(gethostname(host, sizeof(host)), 0);
    CHECK_STR(names.nodename, host);
    CHECK_ERRNO(gethostname(tiny, sizeof(tiny)), ENAMETOOLONG);
    CHECK_EQ(sethostname("stone", 5), 0);
    CHECK_EQ(gethostname(host, sizeof(host)), 0);
    CHECK_STR(host, "stone");

    CHECK_EQ(sysconf(_SC_NPROCESSORS_ONLN), 1);
    CHECK_EQ(sysconf(_SC_PAGESIZE), 4096);
    CHECK_EQ(getpagesize(), 4096);
    CHECK_EQ(sysconf(_SC_CLK_TCK), CLOCKS_PER_SEC);
    CHECK_EQ(sysconf(_SC_PHYS_PAGES), 32 * 256);
    CHECK(sysconf(_SC_AVPHYS_PAGES) > 6000 && sysconf(_SC_AVPHYS_PAGES) < 32 * 256);
    errno = 0;
    CHECK(sysconf(_SC_MQ_OPEN_MAX) == -1 && errno == 0);
    CHECK_ERRNO(sysconf(100000), EINVAL);
    CHECK_EQ(pathconf("/", _PC_NAME_MAX), 255);
    CHECK_ERRNO(fpathconf(77, _PC_NAME_MAX), EBADF);
    CHECK_EQ(confstr(_CS_PATH, host, sizeof(host)), strlen(host) + 1);
    CHECK_EQ(sysinfo(&info), 0);
    CHECK_EQ(info.totalram * info.mem_unit, 32ul << 20);
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    CHECK(usage.ru_maxrss > 500 && usage.ru_maxrss < 32 << 10);
}

static void test_limits(void)
{
    struct rlimit limit, other = { 16, 32 };

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(limit.rlim_cur, sysconf(_SC_OPEN_MAX));
    limit.rlim_cur = 100;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(sysconf(_SC_OPEN_MAX), 100);
    CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
    CHECK(limit.rlim_cur >= 65536 && limit.rlim_cur <= 2 << 20);
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    CHECK(limit.rlim_cur == RLIM_INFINITY);
    CHECK_EQ(setrlimit(RLIMIT_CORE, &other), 0);
    CHECK_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
    CHECK(limit.rlim_cur == 16 && limit.rlim_max == 32);
    other.rlim_max = 64;
    CHECK_ERRNO(setrlimit(RLIMIT_CORE, &other), EPERM);
    CHECK_ERRNO(setrlimit(RLIMIT_CPU, &other), EINVAL);
    CHECK_ERRNO(getrlimit(99, &limit), EINVAL);
}

static void test_scheduling(void)
{
    struct sched_param param = { 0 };
    cpu_set_t set;

    CHECK_EQ(sched_yield(), 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &param), 0);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &param), EPERM);
    CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    CHECK_EQ(CPU_COUNT(&set), 1);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    CPU_ZERO(&set);
    CHECK_ERRNO(sched_setaffinity(0, sizeof(set), &set), EINVAL);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    CHECK_ERRNO(nice(5), EPERM);
}

/* The rights of the image's part in which an address lies, -1 without. */
static int find_part(struct dl_phdr_info *info, size_t size, void *address)
{
    int flags = -1;

    CHECK(size == sizeof(*info) && info->dlpi_addr == 0 && info->dlpi_phnum == 4);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (uintptr_t)address - part->p_vaddr < part->p_memsz)
            flags = (int)part->p_flags;
        if (part->p_type == PT_TLS) {
            CHECK((char *)&errno >= (char *)info->dlpi_tls_data);
            CHECK((char *)&errno < (char *)info->dlpi_tls_data + part->p_memsz);
        }
    }
    return flags;
}

static void test_parts(void)
{
    static int counter;

    CHECK_EQ(dl_iterate_phdr(find_part, (void *)(uintptr_t)test_identity), PF_R | PF_X);
    CHECK_EQ(dl_iterate_phdr(find_part, (void *)(uintptr_t)"a constant"), PF_R);
    CHECK_EQ(dl_iterate_phdr(find_part, &counter), PF_R | PF_W);
    CHECK_EQ(dl_iterate_phdr(find_part, &errno), -1);
}

static void test_refused(void)
{
    char *const argv[] = { (char *)"true", NULL };
    int status;
    pid_t pid;

    CHECK_ERRNO(fork(), ENOSYS);
    CHECK_ERRNO(vfork(), ENOSYS);
    CHECK_ERRNO(execve("/bin/true", argv, argv + 1), ENOSYS);
    CHECK_ERRNO(execvp("true", argv), ENOSYS);
    CHECK_ERRNO(execl("/bin/true", "true", NULL), ENOSYS);
    CHECK_ERRNO(wait(&status), ECHILD);
    CHECK_ERRNO(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_EQ(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv + 1), ENOSYS);
    CHECK_EQ(system(NULL), 0);
    CHECK_ERRNO(system("true"), ENOSYS);
    CHECK(popen("true", "r") == NULL);
    CHECK_ERRNO(daemon(0, 0), ENOSYS);
    CHECK(dlopen("libm.so", RTLD_NOW) == NULL);
    CHECK(strstr(dlerror(), "shared objects") != NULL);
    CHECK(dlerror() == NULL);
}

int main(void)
{
    test_identity();
    test_machine();
    test_parts();
    test_limits();
    test_scheduling();
    test_refused();
    test_giving_up_rights();
    puts("PASS");
    return 0;
}
