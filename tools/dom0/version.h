/* The release that these programs belong to; CMakeLists.txt checks that it is the project's. */
#ifndef DOM0_VERSION_H
#define DOM0_VERSION_H

#define XENOLITH_VERSION "0.1.0"

#endif
