"""nbgrader's settings, for `make exercises` and for a teacher who marks in this folder.

solutions/ is the source, exercises/ is what students get. submitted/, autograded/, feedback/ and the gradebook stay
here and out of git.
"""

c = get_config()  # noqa: F821, which nbgrader defines
c.CourseDirectory.course_id = "fer"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.ClearSolutions.code_stub = {"python": "# Your code here"}
c.ExecutePreprocessor.timeout = 600  # seconds for a cell, on a slow machine
