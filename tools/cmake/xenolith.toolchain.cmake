# CMake toolchain file for Xenolith guests:
#
#   cmake -S app -B app-build -DCMAKE_TOOLCHAIN_FILE=SDK/share/xenolith/xenolith.toolchain.cmake
#
# It finds the SDK from where it lies. Libraries of yours, built for Xenolith, are found in the
# directories of CMAKE_PREFIX_PATH; nothing of the host's is.
get_filename_component(_xenolith_sdk "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(_xenolith_tool "${_xenolith_sdk}/bin/x86_64-xenolith-elf-")

set(CMAKE_SYSTEM_NAME Xenolith)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
if(NOT "${CMAKE_CURRENT_LIST_DIR}/cmake" IN_LIST CMAKE_MODULE_PATH)
    list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}/cmake")
endif()

set(CMAKE_C_COMPILER "${_xenolith_tool}gcc")
set(CMAKE_ASM_COMPILER "${_xenolith_tool}gcc")
set(CMAKE_AR "${_xenolith_tool}ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${_xenolith_tool}ranlib" CACHE FILEPATH "")
set(CMAKE_C_COMPILER_AR "${_xenolith_tool}ar" CACHE FILEPATH "")
set(CMAKE_C_COMPILER_RANLIB "${_xenolith_tool}ranlib" CACHE FILEPATH "")
set(CMAKE_NM "${_xenolith_tool}nm" CACHE FILEPATH "")
set(CMAKE_STRIP "${_xenolith_tool}strip" CACHE FILEPATH "")
set(CMAKE_OBJCOPY "${_xenolith_tool}objcopy" CACHE FILEPATH "")
set(CMAKE_OBJDUMP "${_xenolith_tool}objdump" CACHE FILEPATH "")
set(CMAKE_READELF "${_xenolith_tool}readelf" CACHE FILEPATH "")
set(CMAKE_ADDR2LINE "${_xenolith_tool}addr2line" CACHE FILEPATH "")
set(CMAKE_LINKER "${_xenolith_tool}ld" CACHE FILEPATH "")
set(PKG_CONFIG_EXECUTABLE "${_xenolith_tool}pkg-config" CACHE FILEPATH "")

set(_xenolith_sysroot "${_xenolith_sdk}/x86_64-xenolith-elf")
foreach(_xenolith_root IN ITEMS "${_xenolith_sysroot}" ${CMAKE_PREFIX_PATH} ${CMAKE_STAGING_PREFIX})
    if(NOT "${_xenolith_root}" IN_LIST CMAKE_FIND_ROOT_PATH)
        list(APPEND CMAKE_FIND_ROOT_PATH "${_xenolith_root}")
    endif()
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# ctest and try_run boot the program as a guest; exit status and output are its own.
set(CMAKE_CROSSCOMPILING_EMULATOR "${_xenolith_tool}run")

unset(_xenolith_root)
unset(_xenolith_sysroot)
unset(_xenolith_tool)
unset(_xenolith_sdk)
