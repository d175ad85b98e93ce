"""How the requests, answers and objects of APIs and frameworks become fields of a call."""
