/* login: who is in front of the console: root, without having logged in. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOGIN_NAME "root"

int getlogin_r(char *name, size_t size)
{
    if (size < sizeof(LOGIN_NAME))
        return ERANGE;
    memcpy(name, LOGIN_NAME, sizeof(LOGIN_NAME));
    return 0;
}

char *getlogin(void)
{
    static char name[sizeof(LOGIN_NAME)];

    memcpy(name, LOGIN_NAME, sizeof(LOGIN_NAME));
    return name;
}
