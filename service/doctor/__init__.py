"""What `groundloop doctor` looks at. Each examination is a function that gives one finding and never raises."""

from service.doctor.examine import examine
from service.doctor.finding import Finding

__all__ = ["Finding", "examine"]
