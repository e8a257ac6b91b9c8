/*
 * linux_init: the whole user space of the Linux guest that benchmarks compare with: it prints its
 * line and switches the machine off.
 */
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
    static const char line[] = "Hello, Xen!\n";

    if (write(1, line, strlen(line)) < 0)
        return 1;
    reboot(RB_POWER_OFF);
    return 0;
}
