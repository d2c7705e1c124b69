package geo

import "math"

// Area is what GEOSEARCH looks through: a circle, or a box whose sides go north and east.
type Area struct {
	center        Point
	unit          Unit
	box           bool
	radius        float64 // of a circle, in units
	width, height float64 // of a box, in units
}

// Circle is the area around a point.
func Circle(center Point, radius float64, unit Unit) Area {
	return Area{center: center, unit: unit, radius: radius}
}

// Box is the area with a point in its middle.
func Box(center Point, width, height float64, unit Unit) Area {
	return Area{center: center, unit: unit, box: true, width: width, height: height}
}

// Unit is what the lengths of the area are given in, and distances are to be told in.
func (a *Area) Unit() Unit { return a.unit }

// Contains tells whether a point is in the area, and if so how far it is from the middle, in meters.
func (a *Area) Contains(p Point) (distance float64, ok bool) {
	if !a.box {
		most := a.radius * float64(a.unit)
		if roughDistance(a.center, p) > most*(1+roughly)+roughly {
			return 0, false
		}
		distance = Distance(a.center, p)
		return distance, distance <= most
	}
	if northward(p, a.center) > a.height*float64(a.unit)/2 {
		return 0, false
	}
	if Distance(p, Point{a.center.Longitude, p.Latitude}) > a.width*float64(a.unit)/2 {
		return 0, false
	}
	return Distance(a.center, p), true
}

// roughly is more than roughDistance can be wrong by, as a part of the distance and in meters: what it says far outside is so, on any
// machine.
const roughly = 1e-3

// roughDistance is Distance in the machine's own arithmetic, some ten times faster.
func roughDistance(a, b Point) float64 {
	v := math.Sin((radians(b.Longitude) - radians(a.Longitude)) / 2)
	from, to := radians(a.Latitude), radians(b.Latitude)
	u := math.Sin((to - from) / 2)
	return 2 * earthRadius * math.Asin(min(math.Sqrt(u*u+math.Cos(from)*math.Cos(to)*v*v), 1))
}

// bounds are the ends of the area, as Redis estimates them: in the hemisphere's narrower direction for the longitudes.
func (a *Area) bounds() (least, most Point) {
	height, width := float64(a.unit)*a.radius, float64(a.unit)*a.radius
	if a.box {
		height, width = float64(a.unit)*(a.height/2), float64(a.unit)*(a.width/2)
	}
	north := degrees(height / earthRadius)
	side := a.center.Latitude + north
	if a.center.Latitude < 0 {
		side = a.center.Latitude - north
	}
	east := degrees(width / earthRadius / cosine(radians(side)))
	return Point{a.center.Longitude - east, a.center.Latitude - north}, Point{a.center.Longitude + east, a.center.Latitude + north}
}

// reach is the distance from the middle to the farthest point, in meters.
func (a *Area) reach() float64 {
	if !a.box {
		return a.radius * float64(a.unit)
	}
	return math.Sqrt(float64(a.width/2*(a.width/2))+float64(a.height/2*(a.height/2))) * float64(a.unit)
}

// steps are so many that the field of the middle and its eight neighbours cover most areas of that reach around that latitude.
func steps(reach, latitude float64) int {
	const mapReach = 20037726.37 // half the width of the map, in meters
	if reach == 0 {
		return stepsMax
	}
	n := -1
	for ; reach < mapReach; reach *= 2 {
		n++
	}
	switch latitude = math.Abs(latitude); { // towards the poles a field is less wide
	case latitude > 80:
		n -= 2
	case latitude > 66:
		n--
	}
	return max(min(n, stepsMax), 1)
}

// Range is the scores from Min on up to but not including Max.
type Range struct{ Min, Max float64 }

// Ranges are where to look for the points of the area, in the order in which Redis looks: the field of its middle and those of its eight
// neighbours that it reaches into. Points in them may be outside of the area; Contains tells. A range may come twice in an area as wide
// as the earth, and then Redis finds its points twice.
func (a *Area) Ranges() []Range {
	least, most := a.bounds()
	n := steps(a.reach(), a.center.Latitude)
	middle := world().cell(a.center, n)
	if n > 1 && !middle.covers(least, most) {
		n--
		middle = world().cell(a.center, n)
	}
	from, to := world().corners(middle)
	if n < 2 { // all there is
		from, to = least, most
	}
	var ranges []Range
	last := cell{}
	for i, d := range [...][2]int{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}} {
		east, north := d[0], d[1]
		if north < 0 && from.Latitude < least.Latitude || north > 0 && to.Latitude > most.Latitude ||
			east < 0 && from.Longitude < least.Longitude || east > 0 && to.Longitude > most.Longitude {
			continue
		}
		c := middle.moved(east, north)
		if c == last {
			continue
		}
		ranges = append(ranges, c.scores())
		if i > 0 { // Redis does not compare with the middle
			last = c
		}
	}
	return ranges
}

// covers tells whether the cell and its neighbours reach as far as the bounds.
func (c cell) covers(least, most Point) bool {
	m := world()
	_, north := m.corners(c.moved(0, 1))
	south, _ := m.corners(c.moved(0, -1))
	_, east := m.corners(c.moved(1, 0))
	west, _ := m.corners(c.moved(-1, 0))
	return north.Latitude >= most.Latitude && south.Latitude <= least.Latitude && east.Longitude >= most.Longitude && west.Longitude <= least.Longitude
}
