# Compile guest code into the staged SDK.
#
#   xenolith_guest_library(NAME SOURCE... [INCLUDES DIR...] [OPTIONS FLAG...] [FAST SOURCE...]
#                          [PRIVATE_INCLUDES DIR...] [GENERAL_REGS_ONLY] [FPU_SOURCES SOURCE...]
#                          [DEPENDS FILE...])
#       libxenolith-NAME.a. It sees the public headers of its room and of those below it, and with
#       GENERAL_REGS_ONLY it may run in event handlers, which leave the FPU's registers alone; all but
#       its FPU_SOURCES. Compiled for size; the FAST ones of the sources, which run often, for speed.
#       DEPENDS: what must be there before any of it is compiled.
#
#   xenolith_guest_start(SOURCE)            crt0.o, the first object of every image
#   xenolith_guest_linker_script(SOURCE)    guest.lds, preprocessed with the room's headers
#
# Needs Sdk.cmake.
include_guard(GLOBAL)

set(XENOLITH_GUEST_FLAGS
    -std=gnu11 -g -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes
    -ffunction-sections -fdata-sections -fno-common -fno-omit-frame-pointer
    -D__XEN_INTERFACE_VERSION__=0x00040d00 # of Xen 4.13: what all hosts in use understand
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= "-DXENOLITH_VERSION=\"${PROJECT_VERSION}\"")

# Xen's public headers as <xen/...>, and nothing else of the host's /usr/include.
find_path(XENOLITH_XEN_HEADERS NAMES xen/xen.h REQUIRED DOC "directory with xen/xen.h (libxen-dev)")
set(_xen_include ${CMAKE_BINARY_DIR}/xen-headers)
file(MAKE_DIRECTORY ${_xen_include})
file(CREATE_LINK ${XENOLITH_XEN_HEADERS}/xen ${_xen_include}/xen SYMBOLIC)

# What is inside takes no name from programs: see the script.
set(_own_names ${CMAKE_SOURCE_DIR}/tools/toolchain/own_names.py)
set(_guest_script ${CMAKE_SOURCE_DIR}/platform-xen/guest.lds.in)
set(_own_names_command ${Python3_EXECUTABLE} -B ${_own_names} ${XENOLITH_SYSROOT} ${_guest_script}
    ${XENOLITH_SDK}/bin/${XENOLITH_TRIPLE}-objcopy ${XENOLITH_SDK}/bin/${XENOLITH_TRIPLE}-nm)

# A room sees itself and what lies below it.
set(_rooms platform runtime drivers posix)
set(_dirs platform-xen runtime drivers libc-glue)

function(_xenolith_room_includes name out)
    set(includes -isystem ${_xen_include})
    foreach(room dir IN ZIP_LISTS _rooms _dirs)
        list(PREPEND includes -I${CMAKE_SOURCE_DIR}/${dir}/include)
        if(room STREQUAL name)
            break()
        endif()
    endforeach()
    # The sysroot has libc-glue's own headers already.
    list(REMOVE_ITEM includes -I${CMAKE_SOURCE_DIR}/libc-glue/include)
    if(NOT name IN_LIST _rooms)
        set(includes "")
    endif()
    set(${out} ${includes} PARENT_SCOPE)
endfunction()

# One object from one source; `out` gets its path.
function(_xenolith_guest_object name source flags out)
    get_filename_component(source ${source} ABSOLUTE)
    cmake_path(IS_PREFIX CMAKE_BINARY_DIR ${source} NORMALIZE made_by_the_build)
    if(made_by_the_build)
        file(RELATIVE_PATH shown ${CMAKE_BINARY_DIR} ${source})
    else()
        file(RELATIVE_PATH shown ${CMAKE_SOURCE_DIR} ${source})
    endif()
    string(REPLACE "../" "" below ${shown})
    set(object ${CMAKE_BINARY_DIR}/guest/${name}/${below}.o)
    get_filename_component(directory ${object} DIRECTORY)
    file(MAKE_DIRECTORY ${directory})
    add_custom_command(OUTPUT ${object}
        COMMAND ${XENOLITH_GCC} ${flags} -MD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} ${CMAKE_BINARY_DIR}/stamps/newlib ${ARGN}
        DEPFILE ${object}.d
        COMMENT "Guest: ${shown}" VERBATIM)
    set(${out} ${object} PARENT_SCOPE)
endfunction()

function(xenolith_guest_library name)
    cmake_parse_arguments(arg "GENERAL_REGS_ONLY" ""
        "PRIVATE_INCLUDES;INCLUDES;OPTIONS;FPU_SOURCES;FAST;DEPENDS" ${ARGN})
    _xenolith_room_includes(${name} includes)
    set(flags ${XENOLITH_GUEST_FLAGS} ${arg_OPTIONS})
    foreach(directory IN LISTS arg_PRIVATE_INCLUDES arg_INCLUDES)
        get_filename_component(directory ${directory} ABSOLUTE)
        list(APPEND flags -I${directory})
    endforeach()
    list(APPEND flags ${includes})

    set(objects "")
    foreach(source IN LISTS arg_UNPARSED_ARGUMENTS arg_FPU_SOURCES)
        set(own -Os)
        if(source IN_LIST arg_FAST)
            set(own -O2 -fno-align-jumps -fno-align-loops)  # padding: 800 bytes of hello
        endif()
        if(arg_GENERAL_REGS_ONLY AND NOT source IN_LIST arg_FPU_SOURCES)
            list(APPEND own -mgeneral-regs-only)
        endif()
        _xenolith_guest_object(${name} ${source} "${flags};${own}" object ${arg_DEPENDS})
        list(APPEND objects ${object})
    endforeach()
    set(library ${XENOLITH_SYSROOT}/lib/libxenolith-${name}.a)
    add_custom_command(OUTPUT ${library}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${library}
        COMMAND ${XENOLITH_AR} rcsD ${library} ${objects}
        COMMAND ${_own_names_command} ${library}
        DEPENDS ${objects} ${_own_names} ${_guest_script}
        COMMENT "Guest: libxenolith-${name}.a" VERBATIM)
    xenolith_sdk_add(${name} ${library})
endfunction()

function(xenolith_guest_start source)
    _xenolith_room_includes(platform includes)
    _xenolith_guest_object(crt0 ${source} "${XENOLITH_GUEST_FLAGS};-Os;${includes}" object)
    set(crt0 ${XENOLITH_SYSROOT}/lib/crt0.o)
    add_custom_command(OUTPUT ${crt0}
        COMMAND ${CMAKE_COMMAND} -E copy ${object} ${crt0}
        COMMAND ${_own_names_command} ${crt0}
        DEPENDS ${object} ${_own_names} ${_guest_script} COMMENT "Guest: crt0.o" VERBATIM)
    xenolith_sdk_add(crt0 ${crt0})
endfunction()

function(xenolith_guest_linker_script source)
    get_filename_component(source ${source} ABSOLUTE)
    set(script ${XENOLITH_SYSROOT}/lib/guest.lds)
    add_custom_command(OUTPUT ${script}
        COMMAND ${XENOLITH_GCC} -E -P -x assembler-with-cpp -MD -MF ${CMAKE_BINARY_DIR}/guest.lds.d
            -MT ${script} ${source} -o ${script}
        DEPENDS ${source} ${CMAKE_BINARY_DIR}/stamps/newlib
        DEPFILE ${CMAKE_BINARY_DIR}/guest.lds.d
        COMMENT "Guest: guest.lds" VERBATIM)
    xenolith_sdk_add(guest_lds ${script})
endfunction()
