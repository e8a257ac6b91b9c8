/* sys/sysmacros.h: device numbers, put together and taken apart, as Linux has them. */
#ifndef _SYS_SYSMACROS_H
#define _SYS_SYSMACROS_H

#include <sys/types.h>

#define makedev(major, minor)                                                                      \
    ((dev_t)(((dev_t)((major) & 0xfffff000u) << 32) | ((dev_t)((major) & 0xfffu) << 8) |           \
             ((dev_t)((minor) & 0xffffff00u) << 12) | ((dev_t)((minor) & 0xffu))))
#define major(dev) ((unsigned int)(((dev) >> 32 & 0xfffff000u) | ((dev) >> 8 & 0xfffu)))
#define minor(dev) ((unsigned int)(((dev) >> 12 & 0xffffff00u) | ((dev) & 0xffu)))

#endif
