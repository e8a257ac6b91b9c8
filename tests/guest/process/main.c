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
#include <sys/stat.h>
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

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* What an initrd brings counts, and nothing else. */
static void test_users_of_files(void)
{
    struct passwd *user, entry, *found;
    struct group *group, one, *found_group;
    gid_t groups[3];
    char buffer[100];
    int n = 3;

    CHECK(strcmp(getusershell(), "/bin/sh") == 0);
    endusershell();
    CHECK(mkdir("/etc", 0755) == 0 || errno == EEXIST);
    write_file("/etc/passwd", "# not a user\n\nroot:x:0:0:root:/root:/bin/bash\nbad:x:7\nworse:x:y:1::/:\n"
                              "web:x:33:34:The Web,,,:/srv:/bin/no\n");
    write_file("/etc/group", "root:x:0:\nweb:x:34:\nlogs:x:5:other,web\nall:x:6:web,,root");
    write_file("/etc/shells", "# shells\n/bin/bash\n");

    user = getpwnam("web");
    CHECK(user != NULL && user->pw_uid == 33 && user->pw_gid == 34);
    CHECK_STR(user->pw_gecos, "The Web,,,");
    CHECK_STR(user->pw_dir, "/srv");
    CHECK_STR(user->pw_shell, "/bin/no");
    CHECK_STR(getpwuid(0)->pw_dir, "/root");
    CHECK(getpwnam("nobody") == NULL && getpwnam("bad") == NULL && getpwnam("worse") == NULL);
    CHECK_EQ(getpwnam_r("web", &entry, buffer, sizeof(buffer), &found), 0);
    CHECK(found == &entry && entry.pw_shell > buffer && entry.pw_shell < buffer + sizeof(buffer));
    CHECK_EQ(getpwuid_r(33, &entry, buffer, 20, &found), ERANGE);
    CHECK(found == NULL);
    CHECK_EQ(getpwuid_r(1000, &entry, buffer, 20, &found), 0);
    CHECK(found == NULL);
    setpwent();
    CHECK_STR(getpwent()->pw_name, "root");
    CHECK_STR(getpwent()->pw_name, "web");
    CHECK(getpwent() == NULL);
    endpwent();

    group = getgrnam("logs");
    CHECK(group != NULL && group->gr_gid == 5 && group->gr_mem[2] == NULL);
    CHECK_STR(group->gr_mem[1], "web");
    CHECK_EQ(getgrgid_r(6, &one, buffer, sizeof(buffer), &found_group), 0);
    CHECK(found_group == &one && one.gr_mem[2] == NULL);
    CHECK_STR(one.gr_mem[1], "root");
    CHECK_EQ(getgrgid_r(6, &one, buffer, 30, &found_group), ERANGE);
    CHECK_EQ(getgrouplist("web", 34, groups, &n), 3);
    CHECK(n == 3 && groups[0] == 34 && groups[1] == 5 && groups[2] == 6);
    n = 1;
    CHECK_EQ(getgrouplist("web", 34, groups, &n), -1);
    CHECK_EQ(n, 3);
    CHECK_EQ(initgroups("web", 34), 0);
    CHECK_EQ(getgroups(3, groups), 3);
    CHECK_EQ(groups[2], 6);
    CHECK_STR(getusershell(), "/bin/bash");
    CHECK(getusershell() == NULL);
    endusershell();
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
    test_users_of_files();
    test_giving_up_rights();
    puts("PASS");
    return 0;
}
