"""The run aggregate: state, decide, evolve and dispatch, all of them pure."""
