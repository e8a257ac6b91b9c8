# What CMake should know of the system Xenolith: a Unix without shared libraries.
set(XENOLITH 1)
set(UNIX 1)
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)

set(CMAKE_EXECUTABLE_SUFFIX "")
set(CMAKE_FIND_LIBRARY_PREFIXES "lib")
set(CMAKE_FIND_LIBRARY_SUFFIXES ".a")
set(CMAKE_DL_LIBS "")

include(Platform/UnixPaths)
list(PREPEND CMAKE_SYSTEM_INCLUDE_PATH /include)
list(PREPEND CMAKE_SYSTEM_LIBRARY_PATH /lib)

# xenolith_guest(), for projects that want an xl configuration beside the image.
include("${CMAKE_CURRENT_LIST_DIR}/../XenolithGuest.cmake")
