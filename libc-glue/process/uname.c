/* uname: the names of the system. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <platform/domain.h>
#include <runtime/log.h>

int uname(struct utsname *out)
{
    memset(out, 0, sizeof(*out));
    strcpy(out->sysname, "Xenolith");
    if (gethostname(out->nodename, sizeof(out->nodename)) != 0)
        strcpy(out->nodename, "xenolith"); /* longer than the field */
    strcpy(out->release, XENOLITH_VERSION);
    log_format(out->version, sizeof(out->version), "Xen %s", domain_xen_version());
    strcpy(out->machine, "x86_64");
    return 0;
}
