# Slicer writes the extension's description file here; this writes the same names and values, one a line.

foreach(_name HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS BUILD_SUBDIRECTORY STATUS)
  _record(metadata "${_name}=${EXTENSION_${_name}}")
endforeach()
