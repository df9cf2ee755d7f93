"""JSON Schema 2020-12 as contracts use it: one evaluator for deciders, processors and ``apply``.

It reads nothing but its arguments: references are local, patterns take linear time, and what an
evaluation may cost is counted in steps, never in time. So the same schema and value have the same
verdict on every machine, also years later when the audit decides again.

    check = compiled(contract.input_schema)  # SchemaRefusedError: the schema is not usable
    faults = check.faults(parsed(arguments.inline))  # UncheckableError: beyond the bounds
"""

from runfold.events.json_schema.bounds import SchemaRefusedError, UncheckableError
from runfold.events.json_schema.checking import Check, compiled
from runfold.events.json_schema.evaluation import Fault
from runfold.events.json_schema.formats import FORMATS
from runfold.events.json_schema.judging import SchemaProblem, problems_of
from runfold.events.json_schema.values import loaded, parsed

__all__ = [
    "FORMATS",
    "Check",
    "Fault",
    "SchemaProblem",
    "SchemaRefusedError",
    "UncheckableError",
    "compiled",
    "loaded",
    "parsed",
    "problems_of",
]
