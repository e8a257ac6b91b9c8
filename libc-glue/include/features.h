/* Where other systems say which features are on. */
#ifndef _FEATURES_H
#define _FEATURES_H

#include <sys/features.h>

#endif
