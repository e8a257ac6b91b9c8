#include <termios.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "process/result.h"

int tcgetattr(int fd, struct termios *settings)
{
    return ioctl(fd, TCGETS, settings);
}

int tcsetattr(int fd, int when, const struct termios *settings)
{
    if (when < TCSANOW || when > TCSAFLUSH)
        return (int)result(-EINVAL);
    return ioctl(fd, TCSETS + (unsigned long)when, settings);
}

int tcdrain(int fd)
{
    return ioctl(fd, TCSBRK, (void *)(intptr_t)1);
}

int tcsendbreak(int fd, int duration)
{
    (void)duration;
    return ioctl(fd, TCSBRK, NULL);
}

int tcflush(int fd, int which)
{
    return ioctl(fd, TCFLSH, (void *)(intptr_t)which);
}

int tcflow(int fd, int action)
{
    return ioctl(fd, TCXONC, (void *)(intptr_t)action);
}

pid_t tcgetsid(int fd)
{
    pid_t session;

    return ioctl(fd, TIOCGSID, &session) < 0 ? -1 : session;
}

pid_t tcgetpgrp(int fd)
{
    pid_t group;

    return ioctl(fd, TIOCGPGRP, &group) < 0 ? -1 : group;
}

int tcsetpgrp(int fd, pid_t group)
{
    return ioctl(fd, TIOCSPGRP, &group);
}

speed_t cfgetispeed(const struct termios *settings)
{
    return settings->c_ispeed;
}

speed_t cfgetospeed(const struct termios *settings)
{
    return settings->c_ospeed;
}

static int termios_is_speed(speed_t speed)
{
    return speed <= B38400 || (speed >= B57600 && speed <= B4000000);
}

int cfsetispeed(struct termios *settings, speed_t speed)
{
    if (!termios_is_speed(speed))
        return (int)result(-EINVAL);
    settings->c_ispeed = speed;
    return 0;
}

int cfsetospeed(struct termios *settings, speed_t speed)
{
    if (!termios_is_speed(speed))
        return (int)result(-EINVAL);
    settings->c_ospeed = speed;
    return 0;
}

int cfsetspeed(struct termios *settings, speed_t speed)
{
    return cfsetispeed(settings, speed) < 0 ? -1 : cfsetospeed(settings, speed);
}

void cfmakeraw(struct termios *settings)
{
    settings->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL |
                                     IXON);
    settings->c_oflag &= ~(tcflag_t)OPOST;
    settings->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    settings->c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    settings->c_cflag |= CS8;
    settings->c_cc[VMIN] = 1;
    settings->c_cc[VTIME] = 0;
}
