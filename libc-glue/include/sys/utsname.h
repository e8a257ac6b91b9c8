/* The names of the system. */
#ifndef _SYS_UTSNAME_H
#define _SYS_UTSNAME_H

#include <sys/cdefs.h>
#include <sys/features.h>

#ifdef __cplusplus
extern "C" {
#endif

#define _UTSNAME_LENGTH 65
#define SYS_NMLN        _UTSNAME_LENGTH

struct utsname {
    char sysname[_UTSNAME_LENGTH];  /* "Xenolith" */
    char nodename[_UTSNAME_LENGTH]; /* gethostname() */
    char release[_UTSNAME_LENGTH];  /* of Xenolith */
    char version[_UTSNAME_LENGTH];  /* of the hypervisor */
    char machine[_UTSNAME_LENGTH];  /* "x86_64" */
#if __GNU_VISIBLE
    char domainname[_UTSNAME_LENGTH];
#else
    char __domainname[_UTSNAME_LENGTH];
#endif
};

int uname(struct utsname *);

#ifdef __cplusplus
}
#endif

#endif
