"""The first hour of five kinds of user, typed as they would type it."""
