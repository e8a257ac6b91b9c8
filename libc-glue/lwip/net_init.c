/*
 * net_init: lwIP's start, which compares the windows in the preprocessor: there they must be
 * numbers.
 *
 * lwIP's init.c is included here.
 */
#define NET_CONSTANT_WINDOW
#include <core/init.c>
