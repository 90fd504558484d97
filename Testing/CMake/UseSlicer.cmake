# The macros that Slicer gives an extension, as far as LNStation calls them.

function(_record name)
  string(REPLACE ";" "\n" _lines "${ARGN}")
  file(APPEND "${CMAKE_BINARY_DIR}/recorded_${name}.txt" "${_lines}\n")
endfunction()

foreach(_name scripts resources tests metadata)
  file(REMOVE "${CMAKE_BINARY_DIR}/recorded_${_name}.txt")
endforeach()

macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY_SLICER "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_SLICER_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "Unknown keywords given to slicerMacroBuildScriptedModule(): ${MY_SLICER_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT MY_SLICER_NAME)
    message(FATAL_ERROR "NAME is mandatory")
  endif()
  _record(scripts ${MY_SLICER_SCRIPTS})
  _record(resources ${MY_SLICER_RESOURCES})
  foreach(_listed IN LISTS MY_SLICER_SCRIPTS MY_SLICER_RESOURCES)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${_listed}")
      message(FATAL_ERROR "slicerMacroBuildScriptedModule given nonexistent file '${_listed}'")
    endif()
    configure_file(
      "${CMAKE_CURRENT_SOURCE_DIR}/${_listed}"
      "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/${_listed}"
      COPYONLY
    )
  endforeach()
  # As CTK's macro: the whole folder of the build tree, so that only what was put there gets installed.
  install(
    DIRECTORY "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/"
    DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}"
    COMPONENT RuntimeLibraries
    USE_SOURCE_PERMISSIONS
  )
endmacro()

macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT}")
    message(FATAL_ERROR "slicer_add_python_unittest: no script '${MY_SCRIPT}', or unknown '${MY_UNPARSED_ARGUMENTS}'")
  endif()
  file(RELATIVE_PATH _script "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT}")
  _record(tests "${_script}")
endmacro()
