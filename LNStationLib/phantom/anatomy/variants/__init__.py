"""How the anatomical traits of ``traits`` change shapes, pleural spaces and the diaphragm."""
