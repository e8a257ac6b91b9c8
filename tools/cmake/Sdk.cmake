# The SDK, staged in the build directory with the very layout of the install:
#
#   XENOLITH_SDK             build/sdk
#   XENOLITH_SYSROOT         build/sdk/x86_64-xenolith-elf
#   target xenolith_sysroot  wrappers, newlib and the headers are in place: guest code can be compiled
#   target xenolith_sdk      all of it, guest libraries and host tools too: programs can be linked
#
# Libraries and rooms add themselves with xenolith_sdk_add(FILE...).
include_guard(GLOBAL)

set(XENOLITH_SDK ${CMAKE_BINARY_DIR}/sdk)
set(XENOLITH_TRIPLE x86_64-xenolith-elf)
set(XENOLITH_SYSROOT ${XENOLITH_SDK}/${XENOLITH_TRIPLE})
set(XENOLITH_GCC ${XENOLITH_SDK}/bin/${XENOLITH_TRIPLE}-gcc)
set(XENOLITH_AR ${XENOLITH_SDK}/bin/${XENOLITH_TRIPLE}-ar)

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

# The gcc behind the wrapper: the build's own compiler if that is gcc.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(XENOLITH_HOST_GCC ${CMAKE_C_COMPILER} CACHE FILEPATH "gcc that compiles guest code")
else()
    find_program(XENOLITH_HOST_GCC NAMES gcc REQUIRED DOC "gcc that compiles guest code")
endif()

set(_stamps ${CMAKE_BINARY_DIR}/stamps)
file(MAKE_DIRECTORY ${_stamps})

# ---- wrappers and specs
file(GLOB _toolchain_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/toolchain/*)
add_custom_command(OUTPUT ${_stamps}/toolchain
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tools/toolchain/stage.py toolchain
        ${XENOLITH_SDK} ${XENOLITH_HOST_GCC}
    COMMAND ${CMAKE_COMMAND} -E touch ${_stamps}/toolchain
    DEPENDS ${_toolchain_files}
    COMMENT "Staging the compiler wrappers" VERBATIM)

# ---- newlib from the cache, built there first if need be, and our own headers over it
file(GLOB_RECURSE _newlib_files CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/tools/deps/*.py ${CMAKE_SOURCE_DIR}/tools/deps/*.json
    ${CMAKE_SOURCE_DIR}/tools/deps/newlib/*.h)
file(GLOB_RECURSE _headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/libc-glue/include/*.h)
add_custom_command(OUTPUT ${_stamps}/newlib
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tools/deps/newlib/build.py
        ${XENOLITH_SDK} ${CMAKE_SOURCE_DIR}/libc-glue/include
    COMMAND ${CMAKE_COMMAND} -E touch ${_stamps}/newlib
    DEPENDS ${_stamps}/toolchain ${_newlib_files} ${_headers}
    COMMENT "Staging newlib" USES_TERMINAL VERBATIM)
add_custom_target(xenolith_sysroot DEPENDS ${_stamps}/newlib)

# ---- the host's side: the command, its Python packages, the CMake files for users
file(GLOB_RECURSE _share_files CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/tools/cli/* ${CMAKE_SOURCE_DIR}/tools/testbed/*
    ${CMAKE_SOURCE_DIR}/tools/deps/* ${CMAKE_SOURCE_DIR}/tools/dom0/*
    ${CMAKE_SOURCE_DIR}/tools/cmake/*)
list(FILTER _share_files EXCLUDE REGEX "__pycache__")
add_custom_command(OUTPUT ${_stamps}/share
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tools/toolchain/stage.py share
        ${XENOLITH_SDK} ${CMAKE_SOURCE_DIR}/tools
    COMMAND ${CMAKE_COMMAND} -E touch ${_stamps}/share
    DEPENDS ${_share_files} ${CMAKE_SOURCE_DIR}/tools/xenolith ${CMAKE_SOURCE_DIR}/tools/redzone
        ${CMAKE_SOURCE_DIR}/tools/toolchain/stage.py
    COMMENT "Staging the host tools" VERBATIM)

add_custom_target(xenolith_sdk ALL DEPENDS ${_stamps}/share)
add_dependencies(xenolith_sdk xenolith_sysroot)

# Files that the whole SDK needs; each must be the output of some command in the caller's directory.
function(xenolith_sdk_add name)
    add_custom_target(xenolith_sdk_${name} DEPENDS ${ARGN})
    add_dependencies(xenolith_sdk xenolith_sdk_${name})
endfunction()

install(DIRECTORY ${XENOLITH_SDK}/ DESTINATION . USE_SOURCE_PERMISSIONS)
