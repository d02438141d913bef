"""A desk that is not there: the product's own doors around a written scene."""
